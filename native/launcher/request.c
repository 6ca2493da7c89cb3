#include "request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "client.h"
#include "process.h"
#include "sysctl.h"

struct request {
	uint64_t client;
	const char *bytes;
	size_t length;
	const char *number;
};

static const char *find(const struct request *request, const char *key)
{
	const char *value = fields_find(request->bytes, request->length, key);

	return value ? value : "";
}

static void refuse(const struct request *request, int error, const char *detail)
{
	struct status status = { .step = "request", .error = error };

	snprintf(status.detail, sizeof status.detail, "%s", detail);
	answer_failure(request->client, request->number, &status);
}

static void start(const struct request *request, int lasting)
{
	const char *problem;
	struct spec *spec = spec_parse(request->bytes, request->length, &problem);

	if (!spec)
		return refuse(request, EINVAL, problem);
	process_start(&(struct process_request){
		.spec = spec, .client = request->client, .request = request->number, .lasting = lasting });
}

static void handle_start(const struct request *request)
{
	start(request, 1);
}

static void handle_run(const struct request *request)
{
	start(request, 0);
}

/* The fields of a running process with another command: its environment, cgroup, network and identity are kept. */
static struct spec *derive(const struct process *inside, const struct request *request, const char **problem)
{
	struct buffer fields = { 0 };
	struct field field;
	struct spec *spec;
	size_t offset = 0;

	while (fields_next(inside->spec->bytes, inside->spec->length, &offset, &field)) {
		char key[32];

		/* What only starting it needed: its sandbox is entered, not built. */
		if (field_is(&field, "argv") || field_is(&field, "stdin") || field_is(&field, "sandbox") ||
		    field_is(&field, "pidns-of") || field_is(&field, "log") || field_is(&field, "timeout-ms") ||
		    field_is(&field, "interactive") || field_is(&field, "tty"))
			continue;
		snprintf(key, sizeof key, "%.*s", (int)field.key_length, field.key);
		frame_field(&fields, key, field.value, field.length);
	}
	buffer_append(&fields, request->bytes, request->length);
	spec = spec_parse(fields.bytes, fields.length, problem);
	buffer_free(&fields);
	return spec;
}

static void start_inside(const struct request *request, const char *id, int session)
{
	const struct process *inside = process_find(id);
	const char *problem;
	struct spec *spec;

	/* One that ended before its descriptor was taken can be entered no more; and nothing of it runs outside. */
	if (!inside || !inside->running || (inside->spec->sandbox && inside->main_pidfd < 0))
		return refuse(request, ESRCH, "no such process");
	spec = derive(inside, request, &problem);
	if (!spec)
		return refuse(request, EINVAL, problem);
	process_start(&(struct process_request){
		.spec = spec, .client = request->client, .request = request->number,
		.lasting = session, .session = session, .inside = inside->spec->sandbox ? inside : NULL });
}

static void handle_exec(const struct request *request)
{
	start_inside(request, find(request, "id"), 0);
}

static void handle_session(const struct request *request)
{
	start_inside(request, find(request, "in"), 1);
}

static void handle_input(const struct request *request)
{
	struct process *process = process_find(find(request, "id"));
	struct field field;
	size_t offset = 0;
	int has_data = 0;

	if (!process)
		return;
	while (fields_next(request->bytes, request->length, &offset, &field)) {
		if (!field_is(&field, "data"))
			continue;
		input_write(&process->input, field.value, field.length, request->client);
		has_data = 1;
	}
	if (!has_data)
		input_end(&process->input);
}

static void handle_resize(const struct request *request)
{
	const struct process *process = process_find(find(request, "id"));

	if (process)
		stream_resize(process, (unsigned short)atoi(find(request, "rows")),
			      (unsigned short)atoi(find(request, "columns")));
}

static void handle_signal(const struct request *request)
{
	struct process *process = process_find(find(request, "id"));
	struct buffer frame = { 0 };
	size_t begun = frame_begin(&frame);

	frame_text(&frame, "req", request->number);
	frame_text(&frame, "ok", "1");
	frame_number(&frame, "sent", process && process_signal(process, atoi(find(request, "signal"))));
	frame_end(&frame, begun);
	client_send(request->client, &frame);
	buffer_free(&frame);
}

static void handle_sysctl(const struct request *request)
{
	struct buffer fields = { 0 };
	const char *problem;
	struct spec *spec;

	buffer_append(&fields, request->bytes, request->length);
	frame_text(&fields, "id", "sysctl");
	frame_text(&fields, "argv", "sysctl");
	spec = spec_parse(fields.bytes, fields.length, &problem);
	buffer_free(&fields);
	process_start(&(struct process_request){
		.spec = spec, .client = request->client, .request = request->number, .task = sysctl_apply });
}

static void handle_list(const struct request *request)
{
	struct buffer frame = { 0 };
	size_t begun = frame_begin(&frame);

	frame_text(&frame, "req", request->number);
	frame_text(&frame, "ok", "1");
	for (struct process *process = process_first(); process; process = process->next)
		if (process->lasting && !process->session)
			frame_text(&frame, "id", process->spec->id);
	frame_end(&frame, begun);
	client_send(request->client, &frame);
	buffer_free(&frame);
}

static void handle_watch(const struct request *request)
{
	struct buffer frame = { 0 };
	size_t begun = frame_begin(&frame);

	client_watch(request->client);
	answer_kept_exits(request->client);
	frame_text(&frame, "req", request->number);
	frame_text(&frame, "ok", "1");
	frame_end(&frame, begun);
	client_send(request->client, &frame);
	buffer_free(&frame);
}

static void handle_seen(const struct request *request)
{
	answer_seen(strtoull(find(request, "seq"), NULL, 10));
}

static const struct {
	const char *name;
	void (*handle)(const struct request *request);
} operations[] = {
	{ "start", handle_start },   { "run", handle_run },   { "exec", handle_exec },	 { "signal", handle_signal },
	{ "sysctl", handle_sysctl }, { "list", handle_list }, { "watch", handle_watch }, { "seen", handle_seen },
	{ "session", handle_session }, { "input", handle_input }, { "resize", handle_resize },
};

void request_handle(uint64_t client, const char *bytes, size_t length)
{
	struct request request = { .client = client, .bytes = bytes, .length = length };

	request.number = find(&request, "req");
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (strcmp(operations[i].name, find(&request, "op")) == 0)
			return operations[i].handle(&request);
	refuse(&request, EINVAL, "unknown op");
}
