// SPDX-License-Identifier: Apache-2.0
/*
 * Asks a DNS server for one name until it says what is wanted.
 *
 *     dns-visible kernel|server IP
 *         for each line `NAME ADDRESS` on stdin, or `NAME -` for a name that is to be gone: ask, some ten thousand
 *         times a second at most, and print CLOCK_MONOTONIC in ns when the wanted answer was there
 *
 * `server` asks with an empty NSID option (RFC 5001), which the kernel leaves to the server. Ends after 10 s without the answer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../../tests/e2e/support/dns-question.h"

#define PATIENCE 10000000000L

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

/* Adds an empty NSID option; the message's new length. */
static int ask_server(unsigned char *message, int size)
{
	static const unsigned char opt[] = { 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 3, 0, 0 };

	message[11] = 1;
	memcpy(message + size, opt, sizeof(opt));
	return size + sizeof(opt);
}

/* Of a reply to a question of so many bytes without OPT: whether it is the wanted one. The record's name is a pointer, or the name again. */
static int is_wanted(const unsigned char *reply, ssize_t size, int question, const char *address)
{
	struct in_addr wanted;
	int at = question;

	if (size < question)
		return 0;
	if (strcmp(address, "-") == 0)
		return (reply[3] & 15) == 3;
	if ((reply[3] & 15) || reply[7] != 1 || inet_pton(AF_INET, address, &wanted) != 1)
		return 0;
	at += (reply[at] & 0xc0) == 0xc0 ? 2 : question - 16;
	return size >= at + 14 && memcmp(reply + at + 10, &wanted, 4) == 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(53) };
	unsigned char message[512], reply[1500];
	struct timespec pause = { 0, 50000 };
	char name[256], address[64];
	unsigned short id = 0;
	int fd;

	if (argc != 3 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1)
		return 2;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		fail("connect");
	while (scanf("%255s %63s", name, address) == 2) {
		int question = encode_question(message, name);
		int size = strcmp(argv[1], "server") == 0 ? ask_server(message, question) : question;

		for (long start = now();;) {
			struct pollfd polled = { .fd = fd, .events = POLLIN };
			ssize_t got;

			id++;
			message[0] = id >> 8;
			message[1] = id;
			if (send(fd, message, size, 0) < 0)
				fail("send");
			do
				got = poll(&polled, 1, 200) == 1 ? recv(fd, reply, sizeof(reply), 0) : 0;
			while (got >= 2 && (reply[0] << 8 | reply[1]) != id);
			if (got > 0 && is_wanted(reply, got, question, address))
				break;
			if (now() - start > PATIENCE) {
				fprintf(stderr, "%s is not %s after 10 s (%s)\n", name, address, argv[1]);
				return 1;
			}
			nanosleep(&pause, NULL);
		}
		printf("%ld\n", now());
		fflush(stdout);
	}
	return 0;
}
