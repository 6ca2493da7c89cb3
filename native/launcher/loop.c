#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static int epoll = -1;

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

void loop_remove(struct source *source)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
}

void loop_close(struct source *source)
{
	if (source->fd < 0)
		return;
	/* A child that is on its way to exec may still hold the descriptor: closing alone would not unregister it. */
	loop_remove(source);
	close(source->fd);
	source->fd = -1;
}

int loop_turn(int64_t deadline_ms)
{
	struct epoll_event event;
	int64_t left = deadline_ms - loop_now();
	int timeout = deadline_ms == 0 ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
	/* One at a time: a handler may free any other source. */
	int n = epoll_wait(epoll, &event, 1, timeout);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	if (n == 1) {
		struct source *source = event.data.ptr;

		source->ready(source, event.events);
	}
	return 0;
}

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
