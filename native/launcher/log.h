/*
 * Containers' logs. A process of their own, the logger, writes them: however much a container says, the launcher hears
 * none of it. What is written has the format of CRI (k8s.io/cri-client/pkg/logs), which kubelet and `kubectl logs` read:
 *
 *   2026-11-26T17:00:00.123456789Z stdout F what the container wrote
 *
 * The time is UTC and always has nine digits, so that what stands before the text is always of one length. Tag P says
 * that the line goes on in the next entry of its stream: beyond 16 KiB, as with containerd, and where a program waits
 * amid a line, as with CRI-O, since whoever is attached wants to see a prompt.
 */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

#include "spec.h"

/* What the launcher tells the logger, with a descriptor each. */
enum log_order_kind {
	LOG_FILE,   /* a new log's file */
	LOG_STDOUT, /* what to read */
	LOG_STDERR,
	LOG_END,    /* what to close once all is written that was there to be read; no order about this log follows */
};

struct log_order {
	uint64_t log;
	int32_t kind;
};

/* Of a log that many bytes stay, kubelet's containerLogMaxSize; older ones are freed under whoever reads. */
enum { LOG_KEPT = 10 << 20 };

/* Starts the logger. -1 with errno. */
int log_begin(void);
/* The log's number; 0 with errno. */
uint64_t log_open(const char *path);
/* The end of a pipe (1: stdout, 2: stderr) that its user may open anew by /dev/stdout; -1 with errno. */
int log_pipe(uint64_t log, int stream, const struct identity *user);
/* The log has what a terminal shows. */
void log_terminal(uint64_t log, int terminal);
/* A descriptor that is hung up once the log has all that was written until now; -1 with errno. */
int log_end(uint64_t log);

/* The logger itself, which takes orders from a socket until that is closed and the last log's writers are gone. */
int logger_main(int orders);

#endif
