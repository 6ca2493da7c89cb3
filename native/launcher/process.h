/* The table of processes: what was started, by whom, how far it is, and what became of it. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "loop.h"
#include "protocol.h"
#include "spec.h"
#include "status.h"
#include "stream.h"

struct process {
	struct process *next;
	struct spec *spec;
	/* Who waits for the answer: a client's number and its request's. */
	uint64_t client;
	const char *request;
	/* 1: started, lives on; 0: run, its output is the answer. */
	int lasting;
	/* A lasting one whose input and outputs are its client's. */
	int session;
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
	struct input input;
	struct output output[2];
	/* A container's, while that may still write to it; 0: none. */
	uint64_t log;
	/* Of one that has ended: whether its log is complete. */
	struct source log_end;
	/* Of a session that has ended while its outputs are still open; -1. */
	int code;
	/* Of loop_now; 0: none. */
	int64_t deadline;
};

struct process_request {
	struct spec *spec;
	uint64_t client;
	/* Copied. */
	const char *request;
	int lasting, session;
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
/* An output is at its end. The process may be gone afterwards. */
void process_output_ended(struct process *process);
/* The client has read all that it was sent: what waits for that goes on. */
void process_resume(uint64_t client);
/* The client is gone: what it has begun loses its input, outputs and terminal. */
void process_abandon(uint64_t client);
/* Collects the children that ended. */
void process_reap(void);
/* Ends those that are past their deadline; the next deadline, or 0. */
int64_t process_check_deadlines(void);

#endif
