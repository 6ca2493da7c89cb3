// SPDX-License-Identifier: Apache-2.0
/*
 * Asks a DNS server for the address of a name at a steady rate, each question once. Ends at SIGTERM or after the given
 * seconds, a second after the last question, and prints one line of JSON, as `connections` does: how many were asked,
 * how many were answered with an address within a second, and of the others what became of them.
 *
 *     questions RATE SECONDS ADDRESS NAME
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dns-question.h"

#define SECOND 1000000000ll
#define IDS 65536

static struct failure {
	const char *kind;
	long long count, first, last;
} failures[3] = { { .kind = "unanswered" }, { .kind = "without an address" }, { .kind = "refused by the host" } };

enum { UNANSWERED, WITHOUT, REFUSED };

static long long sent[IDS];
static long long begun, answered, slowest, origin;
static volatile sig_atomic_t stopping;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

static long long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * SECOND + at.tv_nsec;
}

static void failed(int kind, long long at)
{
	struct failure *failure = &failures[kind];

	if (failure->count++ == 0)
		failure->first = at - origin;
	failure->last = at - origin;
}

static void hear(int fd)
{
	unsigned char reply[1500];
	ssize_t size;

	for (;;) {
		size = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
		if (size < 0 && errno == EAGAIN)
			return;
		if (size < 12) {
			failed(REFUSED, now());
			continue;
		}
		unsigned short id = reply[0] << 8 | reply[1];
		long long took = now() - sent[id];

		if (!sent[id])
			continue;
		if ((reply[3] & 15) || reply[7] == 0)
			failed(WITHOUT, sent[id]);
		else if (took > SECOND)
			failed(UNANSWERED, sent[id]);
		else
			answered++;
		if (took > slowest)
			slowest = took;
		sent[id] = 0;
	}
}

static void ask(int fd, unsigned char *message, int size)
{
	static unsigned short id;

	id++;
	if (sent[id])
		failed(UNANSWERED, sent[id]);
	message[0] = id >> 8;
	message[1] = id;
	begun++;
	sent[id] = now();
	if (send(fd, message, size, 0) < 0) {
		failed(REFUSED, sent[id]);
		sent[id] = 0;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(53) };
	unsigned char message[512];
	long long due, end, step;
	int fd, size;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &server.sin_addr) != 1)
		return 2;
	signal(SIGTERM, stop);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server))) {
		perror("connect");
		return 1;
	}
	size = encode_question(message, argv[4]);
	origin = due = now();
	step = SECOND / atoi(argv[1]);
	for (end = origin + atoi(argv[2]) * SECOND; now() < end && !stopping; due += step) {
		while (now() < due) {
			struct pollfd polled = { .fd = fd, .events = POLLIN };
			struct timespec left = { 0, due - now() > 0 ? due - now() : 0 };

			if (ppoll(&polled, 1, &left, NULL) > 0)
				hear(fd);
		}
		ask(fd, message, size);
	}
	for (long long last = now() + SECOND; now() < last;) {
		struct pollfd polled = { .fd = fd, .events = POLLIN };

		if (poll(&polled, 1, 50) > 0)
			hear(fd);
	}
	for (int id = 0; id < IDS; id++)
		if (sent[id])
			failed(UNANSWERED, sent[id]);
	printf("{\"begun\":%lld,\"succeeded\":%lld,\"retransmitted\":0,\"slowestMs\":%.1f,\"failures\":[", begun, answered,
	       slowest / 1e6);
	for (int i = 0, some = 0; i < 3; i++)
		if (failures[i].count)
			printf("%s{\"kind\":\"%s\",\"count\":%lld,\"firstMs\":%lld,\"lastMs\":%lld}", some++ ? "," : "",
			       failures[i].kind, failures[i].count, failures[i].first / 1000000, failures[i].last / 1000000);
	printf("]}\n");
	return 0;
}
