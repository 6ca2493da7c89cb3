// SPDX-License-Identifier: Apache-2.0
/*
 * Asks a DNS server for addresses of Services, in turns, so that several contenders can take them one after another.
 *
 *     dns-load saturate WINDOW IP        two sockets, WINDOW questions of each under way
 *     dns-load paced RATE IP             so many questions a second, evenly, on one socket
 *         for each line with a number of milliseconds on stdin: ask for that long, then
 *         `ANSWERS NANOSECONDS P50 P99`, the last two being nanoseconds from question to answer
 *
 * Names are app-0 to app-499 of `bench.svc.cluster.local`. An answer without an address ends the program; a question
 * that stays without one for 200 ms is given up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAMES 500
#define SOCKETS 2
#define PATIENCE 200000000L
#define SAMPLES (1 << 22)
#define IDS 65536

static const unsigned char tail[] = "\5bench\3svc\7cluster\5local\0\0\1\0\1";

struct asker {
	int fd;
	int outstanding;
	unsigned short id;
	long sent[IDS];
	long last;
};

static struct asker askers[SOCKETS];
static unsigned int latencies[SAMPLES];
static long latency_count;
static struct sockaddr_storage server;
static socklen_t server_size;
static unsigned int next_name;

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

static void set_server(const char *ip)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&server;

	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = v4->sin_addr };
		server_size = sizeof(*v4);
	} else if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(53);
		server_size = sizeof(*v6);
	} else {
		fail(ip);
	}
}

static void open_asker(struct asker *asker)
{
	memset(asker, 0, sizeof(*asker));
	asker->fd = socket(server.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (connect(asker->fd, (struct sockaddr *)&server, server_size))
		fail("connect");
	asker->last = now();
}

static void ask(struct asker *asker, long at)
{
	unsigned char message[64] = { 0 };
	unsigned short id = ++asker->id;
	int digits;

	message[0] = id >> 8;
	message[1] = id;
	message[2] = 1;
	message[5] = 1;
	digits = sprintf((char *)message + 13, "app-%u", next_name++ % NAMES);
	message[12] = digits;
	memcpy(message + 13 + digits, tail, sizeof(tail) - 1);
	if (send(asker->fd, message, 13 + digits + sizeof(tail) - 1, 0) < 0)
		fail("send");
	asker->sent[id] = at;
	asker->outstanding++;
}

static long hear(struct asker *asker)
{
	unsigned char message[512];
	long done = 0, at;
	ssize_t size;

	while ((size = recv(asker->fd, message, sizeof(message), 0)) >= 0) {
		unsigned short id = message[0] << 8 | message[1];

		errno = EPROTO;
		if (size < 12 || (message[3] & 15) || message[7] == 0)
			fail("answer");
		if (!asker->sent[id])
			continue;
		at = now();
		if (latency_count < SAMPLES)
			latencies[latency_count++] = at - asker->sent[id];
		asker->sent[id] = 0;
		asker->outstanding--;
		asker->last = at;
		done++;
	}
	if (errno != EAGAIN)
		fail("recv");
	return done;
}

static int ascending(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static void report(long done, long took)
{
	qsort(latencies, latency_count, sizeof(*latencies), ascending);
	printf("%ld %ld %u %u\n", done, took, latency_count ? latencies[latency_count / 2] : 0,
	       latency_count ? latencies[latency_count * 99 / 100] : 0);
	fflush(stdout);
	latency_count = 0;
}

/* Half a window at a time: a wake-up for each datagram would measure the scheduler. */
static void saturate(int window, long milliseconds)
{
	long start = now(), end = start + milliseconds * 1000000L, at = start, done = 0;
	struct pollfd polled[SOCKETS];

	for (int i = 0; i < SOCKETS; i++)
		open_asker(&askers[i]);
	while (at < end) {
		for (int i = 0; i < SOCKETS; i++) {
			if (askers[i].outstanding <= window / 2 || at - askers[i].last > PATIENCE) {
				if (at - askers[i].last > PATIENCE)
					askers[i].outstanding = 0;
				while (askers[i].outstanding < window)
					ask(&askers[i], now());
			}
			polled[i] = (struct pollfd){ .fd = askers[i].fd, .events = POLLIN };
		}
		poll(polled, SOCKETS, 100);
		for (int i = 0; i < SOCKETS; i++)
			done += hear(&askers[i]);
		at = now();
	}
	report(done, at - start);
	for (int i = 0; i < SOCKETS; i++)
		close(askers[i].fd);
}

static void paced(long rate, long milliseconds)
{
	long start = now(), end = start + milliseconds * 1000000L, at = start, done = 0, due = start;

	open_asker(&askers[0]);
	for (; at < end; at = now()) {
		if (at >= due) {
			ask(&askers[0], at);
			due += 1000000000L / rate;
		}
		done += hear(&askers[0]);
	}
	report(done, at - start);
	close(askers[0].fd);
}

int main(int argc, char **argv)
{
	char line[32];

	if (argc != 4) {
		fprintf(stderr, "dns-load saturate WINDOW IP | paced RATE IP\n");
		return 2;
	}
	set_server(argv[3]);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(argv[1], "paced") == 0)
			paced(atol(argv[2]), atol(line));
		else
			saturate(atoi(argv[2]), atol(line));
	}
	return 0;
}
