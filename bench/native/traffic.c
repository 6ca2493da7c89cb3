// SPDX-License-Identifier: Apache-2.0
/*
 * Load for benches, in turns, so that several contenders can take them one after another.
 *
 *     traffic serve PORT COUNT                 HTTP, TCP echo and UDP echo, on IPv4 and IPv6, on COUNT ports
 *     traffic MODE CONNECTIONS IP PORT [IP PORT …]
 *         for each line with a number of milliseconds on stdin: load for that long, then `OPERATIONS NANOSECONDS`
 *
 * Modes: connect (TCP connections, ended by RST), http (a connection for each request, the server ends it),
 * keepalive (requests on connections that stay), rr (one byte there and back), udp (datagrams there and back, a
 * window of 32 for each socket), stream (one connection at a time, an operation is a byte that the server has read). Targets are taken in turn. A failed operation ends the program: what fails has no speed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#define STREAM_BUFFER (128 << 10)
#define DESCRIPTORS 65536
#define PORTS 64
/* What a descriptor is, beside its number, in what epoll gives back. */
#define LISTENER (1UL << 32)
#define DATAGRAMS (1UL << 33)

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static const char ask_keep[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static const char ask_close[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

enum mode { CONNECT, HTTP, KEEPALIVE, RR, UDP, STREAM };
static const char *const modes[] = { "connect", "http", "keepalive", "rr", "udp", "stream" };

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
/* Of the server's streams: bytes that were read, 1 more than that. */
static long streams[DESCRIPTORS];
static char stream_data[STREAM_BUFFER];

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

/* ---- the server ---- */

static int bound(int type, int port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0), off = 0, on = 1;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || (type == SOCK_STREAM && listen(fd, 4096)))
		fail("listen");
	return fd;
}

static void accept_all(int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		watch_fd(fd, EPOLLIN, fd);
	}
}

static void echo_datagrams(int fd)
{
	static char data[WINDOW][64];
	static struct sockaddr_in6 from[WINDOW];
	struct mmsghdr messages[WINDOW];
	struct iovec parts[WINDOW];
	int count;

	for (int i = 0; i < WINDOW; i++) {
		parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof(from[i]),
						       .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, WINDOW, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		parts[i].iov_len = messages[i].msg_len;
	if (count > 0)
		sendmmsg(fd, messages, count, 0);
}

/* All that is there; at the end the client is told how much that was. */
static void sink(int fd)
{
	ssize_t size;

	while ((size = recv(fd, stream_data, sizeof(stream_data), 0)) > 0)
		streams[fd] += size;
	if (size < 0 && errno == EAGAIN)
		return;
	streams[fd]--;
	send(fd, &streams[fd], sizeof(streams[fd]), MSG_NOSIGNAL);
	streams[fd] = 0;
	close(fd);
}

static void answer(int fd)
{
	char data[BUFFER];
	ssize_t size;

	if (streams[fd]) {
		sink(fd);
		return;
	}
	size = recv(fd, data, sizeof(data) - 1, 0);
	if (size > 0 && data[0] == 'S') {
		streams[fd] = size + 1;
		return;
	}
	if (size <= 0) {
		close(fd);
		return;
	}
	data[size] = 0;
	if (data[0] != 'G') {
		send(fd, data, size, MSG_NOSIGNAL);
		return;
	}
	send(fd, response, sizeof(response) - 1, MSG_NOSIGNAL);
	if (strstr(data, "Connection: close"))
		close(fd);
}

static int serve(int first, int count)
{
	int tcp[PORTS], udp[PORTS];
	struct epoll_event events[64];

	for (int i = 0; i < count; i++) {
		tcp[i] = bound(SOCK_STREAM, first + i);
		udp[i] = bound(SOCK_DGRAM, first + i);
		watch_fd(tcp[i], EPOLLIN, tcp[i] | LISTENER);
		watch_fd(udp[i], EPOLLIN, udp[i] | DATAGRAMS);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int ready = epoll_wait(poller, events, 64, -1);

		for (int i = 0; i < ready; i++) {
			unsigned long data = events[i].data.u64;
			int fd = data & 0xffffff;

			if (data & LISTENER)
				accept_all(fd);
			else if (data & DATAGRAMS)
				echo_datagrams(fd);
			else
				answer(fd);
		}
	}
}

/* ---- the client ---- */

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

static void stream_turn(long milliseconds)
{
	struct target *to = &targets[next_target++ % target_count];
	long start = now(), end = start + milliseconds * 1000000L, arrived = 0;
	int fd = socket(to->address.ss_family, SOCK_STREAM, 0);
	struct pollfd answered = { .fd = fd, .events = POLLIN };
	struct timeval patience = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to->address, to->size))
		fail("connect");
	memset(stream_data, 'S', sizeof(stream_data));
	do {
		if (send(fd, stream_data, sizeof(stream_data), MSG_NOSIGNAL) < 0)
			fail("send");
	} while (now() < end);
	shutdown(fd, SHUT_WR);
	if (poll(&answered, 1, 5000) != 1 || recv(fd, &arrived, sizeof(arrived), 0) != sizeof(arrived))
		fail("recv");
	printf("%ld %ld\n", arrived, now() - start);
	fflush(stdout);
	close(fd);
}

static int client(int connections)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		if (mode == STREAM)
			stream_turn(atol(line));
		else
			turn(connections, atol(line));
	}
	return 0;
}

int main(int argc, char **argv)
{
	poller = epoll_create1(0);
	if (argc == 4 && !strcmp(argv[1], "serve") && atoi(argv[3]) <= PORTS)
		return serve(atoi(argv[2]), atoi(argv[3]));
	for (mode = CONNECT; argc >= 5 && mode <= STREAM; mode++) {
		if (strcmp(argv[1], modes[mode]))
			continue;
		for (int i = 3; i + 1 < argc && target_count < TARGETS; i += 2)
			add_target(argv[i], argv[i + 1]);
		return client(atoi(argv[2]) < CONNECTIONS ? atoi(argv[2]) : CONNECTIONS);
	}
	fprintf(stderr, "usage: traffic serve PORT COUNT | traffic MODE CONNECTIONS IP PORT [IP PORT …]\n");
	return 2;
}
