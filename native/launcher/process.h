/* The table of processes: what was started, by whom, how far it is, and what became of it. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "loop.h"
#include "protocol.h"
#include "spec.h"
#include "status.h"

/* Of stdout and stderr each; the rest is read and thrown away. */
enum { OUTPUT_MAX = 1 << 20 };

struct output {
	struct source source;
	struct buffer bytes;
};

struct process {
	struct process *next;
	struct spec *spec;
	/* Who waits for the answer: a client's number and its request's. */
	uint64_t client;
	const char *request;
	/* 1: started, lives on; 0: run, its output is the answer. */
	int lasting;
	/* The child, which for a container is bubblewrap; and the container's PID 1, once it is known. */
	pid_t pid;
	int pidfd;
	pid_t main_pid;
	int main_pidfd;
	struct source status;
	/* Of the step that failed, when one did. */
	struct status failure;
	int ready, failed, running;
	int diagnostics;
	struct output output[2];
	/* Of loop_now; 0: none. */
	int64_t deadline;
};

struct process_request {
	struct spec *spec;
	uint64_t client;
	/* Copied. */
	const char *request;
	int lasting;
	int (*task)(const struct spec *spec, char *detail);
	/* Runs inside this one's container. */
	const struct process *inside;
};

/* Starts a process, owns the spec, and sees to it that the request is answered. */
void process_start(const struct process_request *request);
/* A lasting process by its id, or NULL. */
struct process *process_find(const char *id);
/* The first of all; by `next` come the others. */
struct process *process_first(void);
/* 1: sent; 0: it is gone. */
int process_signal(struct process *process, int signal);
/* Collects the children that ended. */
void process_reap(void);
/* Ends those that are past their deadline; the next deadline, or 0. */
int64_t process_check_deadlines(void);

#endif
