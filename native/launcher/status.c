#include "status.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"

int status_pair(int pair[2])
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0)
		return 0;
	close(pair[0]);
	close(pair[1]);
	return -1;
}

void status_send(int fd, const char *step, int error, const char *detail)
{
	struct status status = { .error = error };

	snprintf(status.step, sizeof status.step, "%s", step);
	snprintf(status.detail, sizeof status.detail, "%s", detail ? detail : "");
	if (send(fd, &status, sizeof status, MSG_NOSIGNAL) < 0)
		return;
}

_Noreturn void status_fail(int fd, const char *step, const char *detail)
{
	status_send(fd, step, errno, detail);
	_exit(127);
}

int status_send_terminal(int fd, int terminal)
{
	struct status status = { .step = STATUS_TERMINAL };

	return descriptor_send(fd, &status, sizeof status, terminal);
}

int status_receive(int fd, struct status *status, pid_t *sender, int *terminal)
{
	ssize_t n = descriptor_receive(fd, status, sizeof *status, terminal, sender);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	if (n != (ssize_t)sizeof *status)
		return 0;
	status->step[sizeof status->step - 1] = '\0';
	status->detail[sizeof status->detail - 1] = '\0';
	return 1;
}
