// SPDX-License-Identifier: Apache-2.0
/*
 * Load for benches, in turns, so that several contenders can take them one after another.
 *
 *     load MODE CONNECTIONS IP PORT [IP PORT …]
 *         for each line with a number of milliseconds on stdin: load for that long, then `OPERATIONS NANOSECONDS`
 *
 * Modes: connect (TCP connections, ended by RST), http (a connection for each request, the server ends it),
 * keepalive (requests on connections that stay), rr (one byte there and back), udp (datagrams there and back, a
 * window of 32 for each socket), flood (datagrams one way, an operation is one that the server has read), stream (one
 * connection at a time, CONNECTIONS is KiB of a write, an operation is a byte that the server has read). Targets are taken in turn. A failed operation
 * ends the program: what fails has no speed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define TARGETS 64
#define WINDOW 32
#define BUFFER 4096
#define STREAM_BUFFER (512 << 10)

static const char ask_keep[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static const char ask_close[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

enum mode { CONNECT, HTTP, KEEPALIVE, RR, UDP, FLOOD, STREAM };
static const char *const modes[] = { "connect", "http", "keepalive", "rr", "udp", "flood", "stream" };

struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

struct slot {
	int fd;
	int connecting;
	int outstanding;
};

static struct target targets[TARGETS];
static struct slot slots[CONNECTIONS];
static int target_count, next_target, poller;
static enum mode mode;
static char stream_data[STREAM_BUFFER] __attribute__((aligned(4096)));

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000L + at.tv_nsec;
}

static void watch_fd(int fd, unsigned int events, unsigned long data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

static void add_target(const char *ip, const char *port)
{
	struct target *to = &targets[target_count++];
	struct sockaddr_in *to4 = (struct sockaddr_in *)&to->address;
	struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)&to->address;

	if (inet_pton(AF_INET, ip, &to4->sin_addr) == 1) {
		to4->sin_family = AF_INET;
		to4->sin_port = htons(atoi(port));
		to->size = sizeof(*to4);
	} else if (inet_pton(AF_INET6, ip, &to6->sin6_addr) == 1) {
		to6->sin6_family = AF_INET6;
		to6->sin6_port = htons(atoi(port));
		to->size = sizeof(*to6);
	} else {
		fail(ip);
	}
}

static void open_slot(int index)
{
	struct target *to = &targets[next_target++ % target_count];
	int fd = socket(to->address.ss_family, (mode == UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0), on = 1;

	if (mode != UDP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&to->address, to->size) && errno != EINPROGRESS)
		fail("connect");
	slots[index] = (struct slot){ .fd = fd, .connecting = mode != UDP };
	watch_fd(fd, mode == UDP ? EPOLLIN : EPOLLIN | EPOLLOUT, index);
}

static void ask(int index)
{
	struct slot *slot = &slots[index];
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = index };
	const char *text = mode == RR ? "x" : mode == HTTP ? ask_close : ask_keep;
	int error = 0;
	socklen_t size = sizeof(error);

	if (slot->connecting) {
		getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		errno = error;
		if (error)
			fail("connect");
		slot->connecting = 0;
		epoll_ctl(poller, EPOLL_CTL_MOD, slot->fd, &event);
	}
	if (send(slot->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		fail("send");
}

static void send_window(int index)
{
	static char data[18];

	for (; slots[index].outstanding < WINDOW; slots[index].outstanding++)
		if (send(slots[index].fd, data, sizeof(data), 0) < 0)
			fail("send");
}

static void close_slot(int index, int by_reset)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (by_reset)
		setsockopt(slots[index].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(slots[index].fd);
	slots[index].fd = -1;
}

/* Returns the operations that this event completed. */
static long advance_udp(int index)
{
	char data[64];
	long done = 0;

	while (recv(slots[index].fd, data, sizeof(data), 0) >= 0)
		done++;
	slots[index].outstanding -= done;
	/* Half a window at a time: a wake-up for each datagram would measure the scheduler. */
	if (slots[index].outstanding <= WINDOW / 2)
		send_window(index);
	return done;
}

static long advance(int index)
{
	char data[BUFFER];
	ssize_t size;

	if (mode == UDP)
		return advance_udp(index);
	if (slots[index].connecting) {
		if (mode != CONNECT) {
			ask(index);
			return 0;
		}
		int error = 0;
		socklen_t length = sizeof(error);

		getsockopt(slots[index].fd, SOL_SOCKET, SO_ERROR, &error, &length);
		errno = error;
		if (error)
			fail("connect");
		close_slot(index, 1);
		open_slot(index);
		return 1;
	}
	size = recv(slots[index].fd, data, sizeof(data), 0);
	if (size < 0 && errno == EAGAIN)
		return 0;
	if (size < 0 || (size == 0 && mode != HTTP))
		fail("recv");
	if (mode == HTTP) {
		if (size > 0)
			return 0;
		close_slot(index, 0);
		open_slot(index);
		return 1;
	}
	ask(index);
	return 1;
}

static void turn(int connections, long milliseconds)
{
	struct epoll_event events[64];
	long start = now(), end = start + milliseconds * 1000000L, at = start, done = 0, idle_since = start;

	for (int i = 0; i < connections; i++) {
		open_slot(i);
		if (mode == UDP)
			send_window(i);
	}
	while (at < end) {
		int count = epoll_wait(poller, events, 64, 100);

		for (int i = 0; i < count; i++)
			done += advance(events[i].data.u64);
		at = now();
		if (count > 0)
			idle_since = at;
		errno = ETIMEDOUT;
		if (at - idle_since > 2000000000L)
			fail(modes[mode]);
	}
	for (int i = 0; i < connections; i++)
		close_slot(i, 1);
	printf("%ld %ld\n", done, at - start);
	fflush(stdout);
}

static int open_blocking(int type)
{
	struct target *to = &targets[next_target++ % target_count];
	int fd = socket(to->address.ss_family, type, 0);
	struct timeval patience = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to->address, to->size))
		fail("connect");
	return fd;
}

/* Waits by poll: a blocking recv() does not wait on the way from socket to socket (docs/adr/0006-socket-shortcut.md). */
static long told_by(int fd)
{
	struct pollfd answered = { .fd = fd, .events = POLLIN };
	long number = 0;

	if (poll(&answered, 1, 5000) != 1 || recv(fd, &number, sizeof(number), 0) != sizeof(number))
		fail("recv");
	close(fd);
	return number;
}

static void flood_turn(int connections, long milliseconds)
{
	static char data[18] = "F";
	struct iovec part = { data, sizeof(data) };
	struct mmsghdr messages[WINDOW];
	int sockets[CONNECTIONS], asker;
	long start, end, arrived;

	for (int i = 0; i < WINDOW; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	for (int i = 0; i < connections; i++)
		sockets[i] = open_blocking(SOCK_DGRAM);
	start = now();
	end = start + milliseconds * 1000000L;
	do {
		for (int i = 0; i < connections; i++)
			if (sendmmsg(sockets[i], messages, WINDOW, 0) < 0)
				fail("send");
	} while (now() < end);
	asker = open_blocking(SOCK_STREAM);
	if (send(asker, "N", 1, MSG_NOSIGNAL) < 0)
		fail("send");
	arrived = told_by(asker);
	printf("%ld %ld\n", arrived, now() - start);
	fflush(stdout);
	for (int i = 0; i < connections; i++)
		close(sockets[i]);
}

static void stream_turn(long kib, long milliseconds)
{
	size_t size = kib << 10 < STREAM_BUFFER ? kib << 10 : STREAM_BUFFER;
	long start = now(), end = start + milliseconds * 1000000L, arrived;
	int fd = open_blocking(SOCK_STREAM);

	memset(stream_data, 'S', size);
	do {
		if (send(fd, stream_data, size, MSG_NOSIGNAL) < 0)
			fail("send");
	} while (now() < end);
	shutdown(fd, SHUT_WR);
	arrived = told_by(fd);
	printf("%ld %ld\n", arrived, now() - start);
	fflush(stdout);
}

static int client(int connections)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		if (mode == STREAM)
			stream_turn(connections, atol(line));
		else if (mode == FLOOD)
			flood_turn(connections, atol(line));
		else
			turn(connections, atol(line));
	}
	return 0;
}

int main(int argc, char **argv)
{
	poller = epoll_create1(0);
	for (mode = CONNECT; argc >= 5 && mode <= STREAM; mode++) {
		if (strcmp(argv[1], modes[mode]))
			continue;
		for (int i = 3; i + 1 < argc && target_count < TARGETS; i += 2)
			add_target(argv[i], argv[i + 1]);
		return client(mode == STREAM || atoi(argv[2]) < CONNECTIONS ? atoi(argv[2]) : CONNECTIONS);
	}
	fprintf(stderr, "usage: load MODE CONNECTIONS IP PORT [IP PORT …]\n");
	return 2;
}
