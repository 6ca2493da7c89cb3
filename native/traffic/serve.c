#include "serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../standin/loop.h"
#include "late.h"

/* What it tells of itself is how late it was in this time. */
enum { PAST = 2 * SECOND, BACKLOG = 4096, TURN_MS = 5 };

/* In units of 10 ms. */
static unsigned char lateness(void)
{
	int64_t now = now_us(), units = late_between(now - PAST, now) / (10 * MS);

	return units > 255 ? 255 : (unsigned char)units;
}

static void on_readable(struct source *source, uint32_t events)
{
	unsigned char bytes[64], late;
	ssize_t size = recv(source->fd, bytes, sizeof(bytes), 0);

	(void)events;
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0) {
		loop_close(source);
		return;
	}
	late = lateness();
	for (ssize_t i = 0; i < size; i++) {
		int closes = bytes[i] == 'x';

		if (send(source->fd, &late, 1, MSG_NOSIGNAL) != 1 || closes) {
			loop_close(source);
			return;
		}
	}
}

static void on_connection(struct source *listener, uint32_t events)
{
	int fd;

	(void)events;
	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct source *source = calloc(1, sizeof(*source));

		if (!source)
			abort();
		*source = (struct source){ .fd = fd, .ready = on_readable };
		loop_add(source, EPOLLIN);
	}
}

static int listen_at(int port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;
	struct source *source = calloc(1, sizeof(*source));

	if (fd < 0 || !source)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	*source = (struct source){ .fd = fd, .ready = on_connection };
	return loop_add(source, EPOLLIN);
}

static void release(struct source *source)
{
	free(source);
}

int serve_run(char **ports)
{
	int failed = loop_init();

	for (; *ports && !failed; ports++)
		failed = listen_at(atoi(*ports));
	if (failed) {
		perror("traffic");
		return 1;
	}
	for (;;) {
		late_turn(now_us());
		if (loop_turn(loop_now() + TURN_MS, release) != 0)
			return 1;
	}
}
