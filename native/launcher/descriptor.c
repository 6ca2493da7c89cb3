#include "descriptor.h"

#include <string.h>
#include <sys/socket.h>

int descriptor_send(int socket, const void *message, size_t length, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec data = { (void *)message, length };
	struct msghdr header = { .msg_iov = &data, .msg_iovlen = 1 };
	struct cmsghdr *rights;

	if (fd >= 0) {
		header.msg_control = control;
		header.msg_controllen = sizeof control;
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void read_control(struct msghdr *message, int *fd, pid_t *sender)
{
	struct ucred credentials;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_type == SCM_CREDENTIALS && sender) {
			memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
			*sender = credentials.pid;
		} else if (header->cmsg_type == SCM_RIGHTS) {
			memcpy(fd, CMSG_DATA(header), sizeof *fd);
		}
	}
}

ssize_t descriptor_receive(int socket, void *message, size_t length, int *fd, pid_t *sender)
{
	char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof *fd)];
	struct iovec data = { message, length };
	struct msghdr header = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
	};
	ssize_t n = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n >= 0)
		read_control(&header, fd, sender);
	return n;
}
