/* What goes into a process and what comes out of it while it runs, where that is no file. */
#ifndef STREAM_H
#define STREAM_H

#include "loop.h"
#include "protocol.h"

struct process;

/* Of stdout and stderr each, where they are kept; the rest is read and thrown away. */
enum { OUTPUT_MAX = 1 << 20 };

struct output {
	struct source source;
	struct process *process;
	struct buffer bytes;
	/* Its reader is behind: what comes waits. */
	int paused;
};

struct input {
	struct source source;
	/* What the process has not taken yet, from this client, which is held until it has. */
	struct buffer waiting;
	uint64_t sender;
	int ended;
};

/* Makes a pipe and returns the process' end of it; -1 with errno. */
int output_open(struct output *output);
int input_open(struct input *input);
/* The launcher's end of a terminal, which is owned from here on, becomes the process' input and its log's or first output. */
void stream_take_terminal(struct process *process, int terminal);
void stream_resize(const struct process *process, unsigned short rows, unsigned short columns);

/* Reads what there is. An end of output is told by process_output_ended. */
void output_read(struct output *output);
void output_resume(struct output *output);
void output_close(struct output *output);

/* Nothing is written to an input that is closed. */
void input_write(struct input *input, const char *bytes, size_t length, uint64_t sender);
/* Closes it once all is written; a terminal has no end that its process would see. */
void input_end(struct input *input);
void input_close(struct input *input);

#endif
