#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include "capability.h"
#include "memory.h"
#include "protocol.h"

static void append(char ***list, const char *value)
{
	size_t count = 0;

	while (*list && (*list)[count])
		count++;
	/* Grown at powers of two, so that a long list costs no copy per element. */
	if ((count & (count + 1)) == 0)
		*list = reallocate(*list, 2 * count + 2, sizeof **list);
	(*list)[count] = (char *)value;
	(*list)[count + 1] = NULL;
}

static void add_volume(struct spec *spec, const char *source)
{
	spec->volumes = reallocate(spec->volumes, spec->volume_count + 1, sizeof *spec->volumes);
	spec->volumes[spec->volume_count++] = (struct volume){ .source = source };
}

static void add_group(struct identity *identity, const char *group)
{
	identity->groups = reallocate(identity->groups, identity->group_count + 1, sizeof *identity->groups);
	identity->groups[identity->group_count++] = (gid_t)strtoul(group, NULL, 10);
}

static void add_capability(struct spec *spec, const char *name)
{
	uint64_t granted = capability_grantable(name);

	spec->identity.capabilities |= granted;
	/* Of ALL only a part is granted: say so. */
	if (granted == 0 || strcmp(name, "ALL") == 0)
		append(&spec->refused, name);
}

static const struct {
	const char *key;
	size_t offset;
} text_fields[] = {
	{ "id", offsetof(struct spec, id) },
	{ "cgroup", offsetof(struct spec, cgroup) },
	{ "netns", offsetof(struct spec, netns) },
	{ "cwd", offsetof(struct spec, cwd) },
	{ "log", offsetof(struct spec, log) },
	{ "hostname", offsetof(struct spec, hostname) },
	{ "scratch", offsetof(struct spec, scratch) },
	{ "pidns-of", offsetof(struct spec, pidns_of) },
};

static int read_text(struct spec *spec, const struct field *field)
{
	for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields; i++) {
		if (!field_is(field, text_fields[i].key))
			continue;
		*(const char **)((char *)spec + text_fields[i].offset) = field->value;
		return 1;
	}
	return 0;
}

static int read_volume(struct spec *spec, const struct field *field)
{
	struct volume *last = spec->volume_count > 0 ? &spec->volumes[spec->volume_count - 1] : NULL;

	if (field_is(field, "mount-source"))
		add_volume(spec, field->value);
	else if (last && field_is(field, "mount-target"))
		last->target = field->value;
	else if (last && field_is(field, "mount-ro"))
		last->read_only = field->value[0] == '1';
	else if (last && field_is(field, "mount-within"))
		last->within = field->value;
	else
		return 0;
	return 1;
}

static void read_field(struct spec *spec, const struct field *field)
{
	if (read_text(spec, field) || read_volume(spec, field))
		return;
	if (field_is(field, "argv"))
		append(&spec->argv, field->value);
	else if (field_is(field, "env"))
		append(&spec->env, field->value);
	else if (field_is(field, "cgroup1"))
		append(&spec->cgroups_1, field->value);
	else if (field_is(field, "stdin"))
		spec->input = field->value, spec->input_length = field->length;
	else if (field_is(field, "timeout-ms"))
		spec->timeout_ms = strtol(field->value, NULL, 10);
	else if (field_is(field, "interactive"))
		spec->interactive = field->value[0] == '1';
	else if (field_is(field, "tty"))
		spec->terminal = field->value[0] == '1';
	else if (field_is(field, "sandbox"))
		spec->sandbox = field->value[0] == '1';
	else if (field_is(field, "readonly"))
		spec->read_only_root = field->value[0] == '1';
	else if (field_is(field, "uid"))
		spec->identity.uid = (uid_t)strtoul(field->value, NULL, 10);
	else if (field_is(field, "gid"))
		spec->identity.gid = (gid_t)strtoul(field->value, NULL, 10);
	else if (field_is(field, "group"))
		add_group(&spec->identity, field->value);
	else if (field_is(field, "cap"))
		add_capability(spec, field->value);
}

static const char *find_problem(const struct spec *spec)
{
	if (!spec->id || !*spec->id)
		return "id is missing";
	if (!spec->argv || !*spec->argv[0])
		return "argv is empty";
	if (spec->sandbox && (!spec->scratch || spec->scratch[0] != '/'))
		return "scratch is no absolute path";
	for (size_t i = 0; i < spec->volume_count; i++)
		if (!spec->volumes[i].target || spec->volumes[i].target[0] != '/' || spec->volumes[i].source[0] != '/')
			return "a mount has no absolute source and target";
	return NULL;
}

struct spec *spec_parse(const char *bytes, size_t length, const char **problem)
{
	struct spec *spec = allocate(1, sizeof *spec);
	struct field field;
	size_t offset = 0;

	spec->bytes = allocate(1, length + 1);
	memcpy(spec->bytes, bytes, length);
	spec->length = length;
	while (fields_next(spec->bytes, length, &offset, &field))
		read_field(spec, &field);
	if (!spec->env)
		spec->env = allocate(1, sizeof *spec->env);
	*problem = find_problem(spec);
	if (!*problem)
		return spec;
	spec_free(spec);
	return NULL;
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	free(spec->argv);
	free(spec->env);
	free(spec->cgroups_1);
	free(spec->volumes);
	free(spec->identity.groups);
	free(spec->refused);
	free(spec->bytes);
	free(spec);
}
