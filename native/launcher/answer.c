#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "memory.h"

/* As many exits as are kept while nobody asks; beyond it the oldest are forgotten. */
enum { KEPT_MAX = 65536 };

struct kept_exit {
	struct kept_exit *next;
	uint64_t sequence;
	int code;
	char id[];
};

static struct kept_exit *oldest, **newest = &oldest;
static uint64_t next_sequence = 1;
static unsigned int kept_count;

static size_t begin_answer(struct buffer *frame, const char *request, int ok)
{
	size_t begun = frame_begin(frame);

	frame_text(frame, "req", request);
	frame_number(frame, "ok", ok);
	return begun;
}

static void send_frame(uint64_t client, struct buffer *frame, size_t begun)
{
	frame_end(frame, begun);
	client_send(client, frame);
	buffer_free(frame);
}

void answer_started(const struct process *process)
{
	struct buffer frame = { 0 };
	size_t begun = begin_answer(&frame, process->request, 1);

	frame_number(&frame, "pid", process->ready ? process->main_pid : process->pid);
	for (char **name = process->spec->refused; name && *name; name++)
		frame_text(&frame, "dropped", *name);
	send_frame(process->client, &frame, begun);
}

void answer_run(const struct process *process, int code)
{
	struct buffer frame = { 0 };
	size_t begun = begin_answer(&frame, process->request, 1);

	frame_number(&frame, "code", code);
	frame_field(&frame, "stdout", process->output[0].bytes.bytes, process->output[0].bytes.length);
	frame_field(&frame, "stderr", process->output[1].bytes.bytes, process->output[1].bytes.length);
	send_frame(process->client, &frame, begun);
}

static size_t begin_event(struct buffer *frame, const struct process *process, const char *event)
{
	size_t begun = frame_begin(frame);

	frame_text(frame, "event", event);
	frame_text(frame, "id", process->spec->id);
	return begun;
}

void answer_output(const struct process *process, int stream, const char *bytes, size_t length)
{
	struct buffer frame = { 0 };
	size_t begun = begin_event(&frame, process, "output");

	frame_number(&frame, "stream", stream);
	frame_field(&frame, "data", bytes, length);
	send_frame(process->client, &frame, begun);
}

void answer_session_exit(const struct process *process, int code)
{
	struct buffer frame = { 0 };
	size_t begun = begin_event(&frame, process, "exit");

	frame_number(&frame, "code", code);
	send_frame(process->client, &frame, begun);
}

void answer_failure(uint64_t client, const char *request, const struct status *status)
{
	struct buffer frame = { 0 };
	size_t begun = begin_answer(&frame, request, 0);

	frame_text(&frame, "step", status->step);
	frame_number(&frame, "errno", status->error);
	frame_text(&frame, "message", status->detail);
	send_frame(client, &frame, begun);
}

static void write_exit(struct buffer *frame, const struct kept_exit *exit)
{
	size_t begun = frame_begin(frame);

	frame_text(frame, "event", "exit");
	frame_number(frame, "seq", (long long)exit->sequence);
	frame_text(frame, "id", exit->id);
	frame_number(frame, "code", exit->code);
	if (exit->code > 128 && exit->code <= 128 + 64)
		frame_number(frame, "signal", exit->code - 128);
	frame_end(frame, begun);
}

static void forget_oldest(void)
{
	struct kept_exit *exit = oldest;

	oldest = exit->next;
	if (!oldest)
		newest = &oldest;
	kept_count--;
	free(exit);
}

void answer_exit(const char *id, int code)
{
	struct kept_exit *exit = allocate(1, sizeof *exit + strlen(id) + 1);
	struct buffer frame = { 0 };

	*exit = (struct kept_exit){ .sequence = next_sequence++, .code = code };
	strcpy(exit->id, id);
	*newest = exit;
	newest = &exit->next;
	if (++kept_count > KEPT_MAX)
		forget_oldest();
	write_exit(&frame, exit);
	client_send_watchers(&frame);
	buffer_free(&frame);
}

void answer_kept_exits(uint64_t client)
{
	struct buffer frame = { 0 };

	for (struct kept_exit *exit = oldest; exit; exit = exit->next)
		write_exit(&frame, exit);
	client_send(client, &frame);
	buffer_free(&frame);
}

void answer_seen(uint64_t sequence)
{
	while (oldest && oldest->sequence <= sequence)
		forget_oldest();
}
