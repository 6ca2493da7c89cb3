#include "status.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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
	char control[CMSG_SPACE(sizeof terminal)] = { 0 };
	struct iovec data = { &status, sizeof status };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof terminal);
	memcpy(CMSG_DATA(header), &terminal, sizeof terminal);
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void read_control(struct msghdr *message, pid_t *sender, int *terminal)
{
	struct ucred credentials;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
			*sender = credentials.pid;
		} else if (header->cmsg_type == SCM_RIGHTS) {
			memcpy(terminal, CMSG_DATA(header), sizeof *terminal);
		}
	}
}

int status_receive(int fd, struct status *status, pid_t *sender, int *terminal)
{
	char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof *terminal)];
	struct iovec data = { status, sizeof *status };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*terminal = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	if (n != (ssize_t)sizeof *status)
		return 0;
	status->step[sizeof status->step - 1] = '\0';
	status->detail[sizeof status->detail - 1] = '\0';
	read_control(&message, sender, terminal);
	return 1;
}
