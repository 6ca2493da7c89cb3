#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "log.h"
#include "process.h"

/* More than this is not taken from a client ahead of the process. */
enum { WAITING_MUCH = 64 << 10 };

static void output_ready(struct source *source, uint32_t events)
{
	struct output *output = owner_of(source, struct output, source);

	(void)events;
	output_read(output);
	/* Last: there may be no process after it. */
	if (output->source.fd < 0)
		process_output_ended(output->process);
}

/* Ours alone is not waited for: the process' own end blocks, as programs expect of a pipe. */
static int open_pipe(struct source *source, int ours, uint32_t events)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) != 0)
		return -1;
	source->fd = pair[ours];
	if (fcntl(pair[ours], F_SETFL, O_NONBLOCK) == 0 && loop_add(source, events) == 0)
		return pair[!ours];
	close(pair[!ours]);
	close(pair[ours]);
	source->fd = -1;
	return -1;
}

int output_open(struct output *output)
{
	output->source.ready = output_ready;
	return open_pipe(&output->source, 0, EPOLLIN);
}

static void write_waiting(struct input *input)
{
	while (input->source.fd >= 0 && input->waiting.length > 0) {
		ssize_t n = write(input->source.fd, input->waiting.bytes, input->waiting.length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			input_close(input);
		if (n < 0)
			break;
		buffer_consume(&input->waiting, (size_t)n);
	}
	if (input->source.fd < 0)
		return;
	if (input->waiting.length == 0 && input->ended)
		return input_close(input);
	client_hold(input->sender, input->waiting.length > WAITING_MUCH);
	loop_modify(&input->source, input->waiting.length > 0 ? EPOLLOUT : 0);
}

static void input_ready(struct source *source, uint32_t events)
{
	struct input *input = owner_of(source, struct input, source);

	/* Nobody is there to read it any more. */
	if (events & (EPOLLERR | EPOLLHUP))
		input_close(input);
	else
		write_waiting(input);
}

int input_open(struct input *input)
{
	input->source.ready = input_ready;
	return open_pipe(&input->source, 1, 0);
}

void stream_take_terminal(struct process *process, int terminal)
{
	struct output *output = &process->output[0];
	struct input *input = &process->input;

	fcntl(terminal, F_SETFL, O_NONBLOCK);
	/* An epoll knows a descriptor once. */
	input->source = (struct source){ .fd = fcntl(terminal, F_DUPFD_CLOEXEC, 0), .ready = input_ready };
	if (input->source.fd >= 0)
		loop_add(&input->source, 0);
	if (process->log) {
		log_terminal(process->log, terminal);
		close(terminal);
		return;
	}
	output->source = (struct source){ .fd = terminal, .ready = output_ready };
	loop_add(&output->source, EPOLLIN);
}

void stream_resize(const struct process *process, unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };
	int output = process->output[0].source.fd;
	int terminal = output >= 0 ? output : process->input.source.fd;

	if (process->spec->terminal && terminal >= 0)
		ioctl(terminal, TIOCSWINSZ, &size);
}

static void pass(struct output *output, const char *bytes, size_t length)
{
	struct process *process = output->process;
	size_t room = OUTPUT_MAX - output->bytes.length;

	if (process->session)
		answer_output(process, output == process->output ? 1 : 2, bytes, length);
	else if (!process->lasting)
		buffer_append(&output->bytes, bytes, length < room ? length : room);
}

void output_read(struct output *output)
{
	char bytes[16384];
	ssize_t n = 0;

	while (!output->paused && (n = read(output->source.fd, bytes, sizeof bytes)) > 0) {
		pass(output, bytes, (size_t)n);
		output->paused = output->process->session && client_is_behind(output->process->client);
	}
	if (output->paused)
		loop_remove(&output->source);
	else if (n == 0 || errno != EAGAIN)
		loop_close(&output->source);
}

void output_resume(struct output *output)
{
	if (!output->paused)
		return;
	output->paused = 0;
	loop_add(&output->source, EPOLLIN);
}

void output_close(struct output *output)
{
	loop_close(&output->source);
	buffer_free(&output->bytes);
}

void input_write(struct input *input, const char *bytes, size_t length, uint64_t sender)
{
	if (input->source.fd < 0 || input->ended)
		return;
	/* Who wrote before may go on, whatever this one is held for. */
	if (input->sender != sender)
		client_hold(input->sender, 0);
	input->sender = sender;
	buffer_append(&input->waiting, bytes, length);
	write_waiting(input);
}

void input_end(struct input *input)
{
	input->ended = 1;
	write_waiting(input);
}

void input_close(struct input *input)
{
	client_hold(input->sender, 0);
	loop_close(&input->source);
	buffer_free(&input->waiting);
}
