/*
 * How a process on its way to exec reports to the launcher: records on a SEQPACKET socket pair that closes at exec.
 * The kernel adds the sender's pid as the receiver sees it, so that a container's PID 1 is known on the machine.
 */
#ifndef STATUS_H
#define STATUS_H

#include <sys/types.h>

struct status {
	/* STATUS_READY just before exec in a sandbox, STATUS_TERMINAL; else the step that failed. */
	char step[24];
	int error;
	char detail[256];
};

#define STATUS_READY "ready"
#define STATUS_TERMINAL "terminal"

/* pair[0] receives, pair[1] sends; both close on exec. */
int status_pair(int pair[2]);
void status_send(int fd, const char *step, int error, const char *detail);
/* Hands over the launcher's end of a terminal. -1 with errno. */
int status_send_terminal(int fd, int terminal);
/* Reports errno, and ends the process with `exit_code`. */
_Noreturn void status_fail(int fd, const char *step, const char *detail);
/* 1: a record; 0: the other side is closed; -1: nothing now. *terminal is the one handed over, or -1. */
int status_receive(int fd, struct status *status, pid_t *sender, int *terminal);

#endif
