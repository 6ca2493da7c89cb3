#include "sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "protocol.h"

/*
 * Dots and slashes change places, as sysctl(8) has it, so that interface names may hold dots. Only net.* belongs
 * to a network namespace.
 */
static int set(const char *setting, char *detail)
{
	const char *equals = strchr(setting, '=');
	size_t length = equals ? (size_t)(equals - setting) : 0;
	char path[320] = "/proc/sys/";
	char *key = path + strlen(path);

	snprintf(detail, 256, "%s", setting);
	errno = EINVAL;
	if (length == 0 || length > 256 || (strncmp(setting, "net.", 4) != 0 && strncmp(setting, "net/", 4) != 0))
		return -1;
	for (size_t i = 0; i < length; i++)
		key[i] = setting[i];
	for (size_t i = 0; setting[3] == '.' && i < length; i++)
		key[i] = setting[i] == '.' ? '/' : setting[i] == '/' ? '.' : setting[i];
	key[length] = '\0';
	if (strstr(path, ".."))
		return -1;
	return write_file(path, equals + 1);
}

int sysctl_apply(const struct spec *spec, char *detail)
{
	struct field field;
	size_t offset = 0;

	while (fields_next(spec->bytes, spec->length, &offset, &field))
		if (field_is(&field, "set") && set(field.value, detail) != 0)
			return -1;
	return 0;
}
