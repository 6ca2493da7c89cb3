#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int epoll = -1;
/* Sources that were closed during this turn: later events of the same batch may still point to them. */
static struct source *closed;

int loop_init(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -1 : 0;
}

int loop_add(struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, source->fd, &event);
}

void loop_modify(struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_close(struct source *source)
{
	if (source->fd < 0)
		return;
	close(source->fd);
	source->fd = -1;
	source->next_closed = closed;
	closed = source;
}

int loop_turn(int64_t deadline_ms, void (*release)(struct source *source))
{
	struct epoll_event events[64];
	int64_t left = deadline_ms - loop_now();
	int timeout = deadline_ms == 0 ? -1 : left < 0 ? 0 : (int)left;
	int n = epoll_wait(epoll, events, 64, timeout);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++) {
		struct source *source = events[i].data.ptr;

		if (source->fd >= 0)
			source->ready(source, events[i].events);
	}
	while (closed) {
		struct source *source = closed;

		closed = source->next_closed;
		release(source);
	}
	return 0;
}

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
