// SPDX-License-Identifier: Apache-2.0
/*
 * What the load of benches comes to: HTTP, TCP echo, UDP echo and sinks, on IPv4 and IPv6, on COUNT ports.
 *
 *     server PORT COUNT
 *
 * A stream that begins with S is read to its end, then answered by how long it was. A datagram that begins with F is only
 * counted; a stream that begins with N is answered by how many were since the last time, of all ports.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW 32
#define BUFFER 4096
#define STREAM_BUFFER (512 << 10)
#define DESCRIPTORS 65536
#define PORTS 64
/* What a descriptor is, beside its number, in what epoll gives back. */
#define LISTENER (1UL << 32)
#define DATAGRAMS (1UL << 33)

static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static int poller, port_count, tcp[PORTS], udp[PORTS];
/* Of streams: bytes that were read, 1 more than that. */
static long streams[DESCRIPTORS];
static char stream_data[STREAM_BUFFER] __attribute__((aligned(4096)));
static long counted;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void watch_fd(int fd, unsigned int events, unsigned long data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

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

/* Of all that is there at once; false where nothing was. */
static int take_datagrams(int fd)
{
	static char data[WINDOW][64];
	static struct sockaddr_in6 from[WINDOW];
	struct mmsghdr messages[WINDOW];
	struct iovec parts[WINDOW];
	int count, echoed = 0;

	for (int i = 0; i < WINDOW; i++) {
		parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof(from[i]),
						       .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(fd, messages, WINDOW, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		parts[i].iov_len = messages[i].msg_len;
		if (data[i][0] == 'F')
			counted++;
		else
			messages[echoed++] = messages[i];
	}
	if (echoed > 0)
		sendmmsg(fd, messages, echoed, 0);
	return count > 0;
}

/* What waits in the sockets was sent before the question. */
static void tell_count(int fd)
{
	for (int i = 0; i < port_count; i++)
		while (take_datagrams(udp[i]))
			;
	send(fd, &counted, sizeof(counted), MSG_NOSIGNAL);
	counted = 0;
	close(fd);
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
	char data[BUFFER + 1];
	ssize_t size;

	if (streams[fd]) {
		sink(fd);
		return;
	}
	size = recv(fd, data, BUFFER, 0);
	if (size > 0 && data[0] == 'S') {
		streams[fd] = size + 1;
		return;
	}
	if (size <= 0) {
		close(fd);
		return;
	}
	if (data[0] == 'N') {
		tell_count(fd);
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

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	int first = argc == 3 ? atoi(argv[1]) : 0;

	port_count = argc == 3 ? atoi(argv[2]) : 0;
	if (port_count < 1 || port_count > PORTS) {
		fprintf(stderr, "usage: server PORT COUNT\n");
		return 2;
	}
	poller = epoll_create1(0);
	for (int i = 0; i < port_count; i++) {
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
				take_datagrams(fd);
			else
				answer(fd);
		}
	}
}
