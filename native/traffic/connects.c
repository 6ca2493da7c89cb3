#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include "../standin/loop.h"
#include "late.h"
#include "load.h"
#include "pace.h"
#include "report.h"
#include "target.h"

/* A SYN is sent again after a second: up to 900 ms there was one alone. Waited for longer, to tell what became of it. */
enum { LIMIT = 900 * MS, CONNECTION = 3 * SECOND, ANSWER = 5 * SECOND, TARGETS = 64 };

struct attempt {
	struct source source;
	TAILQ_ENTRY(attempt) entry;
	const struct target *target;
	int64_t begun, sent, far_late;
	int connected, answered, failed;
};

static TAILQ_HEAD(, attempt) attempts = TAILQ_HEAD_INITIALIZER(attempts);
static struct target targets[TARGETS];
static int target_count, under_way;
static struct pace pace;

void connects_rate(int per_second)
{
	pace.per_second = per_second;
}

int connects_target(const char *text)
{
	return target_count < TARGETS ? target_read(&targets[target_count++], text) : -1;
}

static unsigned int retransmitted(int fd)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ? 0 : info.tcpi_total_retrans;
}

static void end(struct attempt *attempt)
{
	TAILQ_REMOVE(&attempts, attempt, entry);
	under_way--;
	loop_close(&attempt->source);
}

static void fail(struct attempt *attempt, const char *phase, const char *how)
{
	char text[64];

	snprintf(text, sizeof(text), "%s: %s", phase, how);
	if (!attempt->failed)
		report_failed(CONNECT, attempt->target->text, text, attempt->begun, now_us() - attempt->begun);
	attempt->failed = 1;
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static void on_connected(struct attempt *attempt)
{
	int fd = attempt->source.fd, error = socket_error(fd);

	attempt->connected = 1;
	attempt->sent = now_us();
	if (!error && send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		error = errno;
	if (error) {
		fail(attempt, "connect", strerror(error));
		end(attempt);
		return;
	}
	if (retransmitted(fd))
		fail(attempt, "connect", "the SYN was sent again");
	else if (report_if_slow(CONNECT, attempt->target->text, "connect: slow", attempt->begun, LIMIT, 0))
		attempt->failed = 1;
	loop_modify(&attempt->source, EPOLLIN);
}

/* After the byte the server closes. */
static void on_readable(struct attempt *attempt)
{
	unsigned char byte;
	ssize_t size = recv(attempt->source.fd, &byte, 1, 0);

	if (size == 1) {
		attempt->answered = 1;
		return;
	}
	if (size < 0 && errno == EAGAIN)
		return;
	if (size < 0 && !attempt->answered)
		fail(attempt, "answer", strerror(errno));
	else if (!attempt->answered)
		fail(attempt, "answer", "closed without one");
	if (retransmitted(attempt->source.fd))
		report_resent();
	if (!attempt->failed)
		report_succeeded(CONNECT, attempt->sent - attempt->begun);
	end(attempt);
}

static void on_event(struct source *source, uint32_t events)
{
	struct attempt *attempt = (struct attempt *)source;

	(void)events;
	if (attempt->connected)
		on_readable(attempt);
	else
		on_connected(attempt);
}

static void begin(const struct target *target, int64_t now)
{
	int fd = target_connect(target, SOCK_STREAM);
	struct attempt *attempt;

	report_begun(CONNECT);
	if (fd < 0) {
		report_failed(CONNECT, target->text, strerror(errno), now, 0);
		return;
	}
	attempt = calloc(1, sizeof(*attempt));
	if (!attempt)
		abort();
	attempt->source = (struct source){ .fd = fd, .ready = on_event };
	attempt->target = target;
	attempt->begun = now_us();
	TAILQ_INSERT_TAIL(&attempts, attempt, entry);
	under_way++;
	loop_add(&attempt->source, EPOLLOUT);
}

/* In the order of their begin: those after the first that is still in time are too. */
static void expire(int64_t now)
{
	struct attempt *attempt, *next;

	for (attempt = TAILQ_FIRST(&attempts); attempt && attempt->begun + CONNECTION < now; attempt = next) {
		int64_t from = attempt->connected ? attempt->sent : attempt->begun;
		int64_t most = attempt->connected ? ANSWER : CONNECTION;

		next = TAILQ_NEXT(attempt, entry);
		if (now - from - late_between(from, now) <= most)
			continue;
		if (attempt->connected)
			fail(attempt, "answer", "none in 5 s");
		else
			fail(attempt, "connect", "no connection in 3 s");
		end(attempt);
	}
}

void connects_tick(int64_t now, int ending)
{
	if (!pace.origin)
		pace.origin = now;
	while (!ending && target_count && pace_due(&pace, now))
		begin(&targets[pace.count % target_count], now);
	expire(now);
}

int connects_open(void)
{
	return under_way;
}

int connects_ready(void)
{
	return !pace.per_second || report_succeeded_so_far(CONNECT) >= target_count;
}
