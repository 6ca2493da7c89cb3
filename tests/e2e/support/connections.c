// SPDX-License-Identifier: Apache-2.0
/*
 * Opens connections at a steady rate: each connects, sends a request, reads the answer to its end and closes. Ends at
 * SIGTERM or after the given seconds, once the last connection has ended, and prints one line of JSON: how many were
 * begun, how many succeeded, and of the others how they failed.
 *
 *     connections RATE SECONDS ADDRESS PORT [ADDRESS PORT ...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 8192
#define LONGEST_NS 8000000000ll

static const char request[] = "GET / HTTP/1.1\r\nHost: backend\r\nConnection: close\r\n\r\n";

enum state { FREE, CONNECTING, READING };

struct connection {
	int fd;
	enum state state;
	int target;
	long long begun;
	size_t received;
	char start[16];
};

static struct connection connections[MOST];
static struct sockaddr_in6 targets6[64];
static struct sockaddr_in targets4[64];
static bool is6[64];
static int epoll, open_now, next_slot;
static long long begun, succeeded, retransmitted, slowest, origin;

static struct failure {
	char kind[48];
	long long count, first, last;
} failures[32];

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void failed(const struct connection *connection, const char *phase, const char *how)
{
	char kind[48];
	struct failure *failure = failures;

	snprintf(kind, sizeof(kind), "IPv%d %s: %s", is6[connection->target] ? 6 : 4, phase, how);
	while (failure->count && strcmp(failure->kind, kind) && failure < failures + 31)
		failure++;
	strcpy(failure->kind, kind);
	if (!failure->count++)
		failure->first = (connection->begun - origin) / 1000000;
	failure->last = (connection->begun - origin) / 1000000;
}

static void end(struct connection *connection)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);
	long long took = now() - connection->begun;

	if (!getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) && info.tcpi_total_retrans)
		retransmitted++;
	if (took > slowest)
		slowest = took;
	close(connection->fd);
	connection->state = FREE;
	open_now--;
}

static void fail(struct connection *connection, const char *how)
{
	failed(connection, connection->state == CONNECTING ? "connect" : "answer", how);
	end(connection);
}

static void begin(int target)
{
	struct connection *connection;
	struct epoll_event event = { .events = EPOLLOUT };
	int tried = 0, result;

	while (connections[next_slot].state != FREE && tried++ < MOST)
		next_slot = (next_slot + 1) % MOST;
	connection = &connections[next_slot];
	begun++;
	*connection = (struct connection){ .state = CONNECTING, .target = target, .begun = now() };
	connection->fd = socket(is6[target] ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	open_now++;
	result = is6[target] ? connect(connection->fd, (struct sockaddr *)&targets6[target], sizeof(targets6[0])) :
			       connect(connection->fd, (struct sockaddr *)&targets4[target], sizeof(targets4[0]));
	if (result < 0 && errno != EINPROGRESS) {
		fail(connection, strerror(errno));
		return;
	}
	event.data.u32 = next_slot;
	epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

static void on_connected(struct connection *connection, unsigned int slot)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = slot };
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fail(connection, strerror(error));
		return;
	}
	connection->state = READING;
	if (send(connection->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != sizeof(request) - 1) {
		fail(connection, strerror(errno));
		return;
	}
	epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void on_readable(struct connection *connection)
{
	char buffer[8192];
	ssize_t size;

	while ((size = recv(connection->fd, buffer, sizeof(buffer), 0)) > 0) {
		if (connection->received < sizeof(connection->start)) {
			size_t room = sizeof(connection->start) - connection->received;

			memcpy(connection->start + connection->received, buffer, room < (size_t)size ? room : (size_t)size);
		}
		connection->received += size;
	}
	if (size < 0 && errno == EAGAIN)
		return;
	if (size < 0) {
		fail(connection, strerror(errno));
	} else if (connection->received < 16 || memcmp(connection->start, "HTTP/1.1 200", 12)) {
		fail(connection, connection->received ? "not 200" : "closed without one");
	} else {
		succeeded++;
		end(connection);
	}
}

static void expire(void)
{
	long long oldest = now() - LONGEST_NS;

	for (int i = 0; i < MOST; i++)
		if (connections[i].state != FREE && connections[i].begun < oldest)
			fail(&connections[i], "nothing for 8 s");
}

static void report(void)
{
	printf("{\"begun\":%lld,\"succeeded\":%lld,\"retransmitted\":%lld,\"slowestMs\":%lld,\"failures\":[", begun,
	       succeeded, retransmitted, slowest / 1000000);
	for (struct failure *failure = failures; failure->count; failure++)
		printf("%s{\"kind\":\"%s\",\"count\":%lld,\"firstMs\":%lld,\"lastMs\":%lld}", failure == failures ? "" : ",",
		       failure->kind, failure->count, failure->first, failure->last);
	printf("]}\n");
}

static int read_targets(char **words)
{
	int count = 0;

	for (; words[0] && words[1] && count < 64; words += 2, count++) {
		is6[count] = strchr(words[0], ':') != NULL;
		if (is6[count]) {
			targets6[count] = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(atoi(words[1])) };
			inet_pton(AF_INET6, words[0], &targets6[count].sin6_addr);
		} else {
			targets4[count] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(words[1])) };
			inet_pton(AF_INET, words[0], &targets4[count].sin_addr);
		}
	}
	return count;
}

int main(int count, char **words)
{
	struct epoll_event events[256];
	int targets = count > 4 ? read_targets(words + 3) : 0;
	long long interval, last;

	if (!targets || atoi(words[1]) <= 0)
		return 2;
	signal(SIGTERM, stop);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	origin = now();
	interval = 1000000000ll / atoi(words[1]);
	last = origin + atoi(words[2]) * 1000000000ll;
	for (bool ending = false; !ending || open_now;) {
		int ready;

		/* What a stall held back is begun at once, but for what there is no room for. */
		while (!ending && origin + begun * interval <= now() && open_now < MOST - 1)
			begin(begun % targets);
		ready = epoll_wait(epoll, events, 256, 1);
		for (int i = 0; i < ready; i++) {
			struct connection *connection = &connections[events[i].data.u32];

			if (connection->state == CONNECTING)
				on_connected(connection, events[i].data.u32);
			else if (connection->state == READING)
				on_readable(connection);
		}
		expire();
		ending = stopping || now() >= last;
	}
	report();
	return 0;
}
