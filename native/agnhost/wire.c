#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "address.h"

int64_t wire_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wire_udp(const struct sockaddr_storage *to)
{
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, address_length(to)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

char *wire_error(int fd, const char *call, int error, char *text, size_t size)
{
	struct sockaddr_storage address = { 0 };
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT];
	socklen_t length = sizeof address;

	getsockname(fd, (struct sockaddr *)&address, &length);
	address_text(&address, from);
	length = sizeof address;
	getpeername(fd, (struct sockaddr *)&address, &length);
	address_text(&address, to);
	if (error == EAGAIN)
		snprintf(text, size, "%s udp %s->%s: i/o timeout", call, from, to);
	else
		snprintf(text, size, "%s udp %s->%s: %s: %s", call, from, to, call, address_error(error));
	return text;
}
