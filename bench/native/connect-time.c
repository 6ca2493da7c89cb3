// SPDX-License-Identifier: Apache-2.0
/*
 * How long connect() takes, from the caller's side.
 *
 *     connect-time serve PORT          accepts and closes, on IPv4 and IPv6
 *     connect-time connect IP PORT     for each line with a number N on stdin: N connections, their ns one a line
 *
 * Connections end by RST, so that no TIME_WAIT fills the port range.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int serve(int port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1024))
		fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection >= 0)
			close(connection);
	}
}

static long elapsed(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1000000000L + to->tv_nsec - from->tv_nsec;
}

static long connect_once(const struct sockaddr *to, socklen_t size)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct timespec before, after;
	int fd = socket(to->sa_family, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	clock_gettime(CLOCK_MONOTONIC, &before);
	if (connect(fd, to, size))
		fail("connect");
	clock_gettime(CLOCK_MONOTONIC, &after);
	close(fd);
	return elapsed(&before, &after);
}

static int client(const char *ip, int port)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int is_v6 = strchr(ip, ':') != NULL;
	char line[32];

	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, ip, is_v6 ? (void *)&to6.sin6_addr : (void *)&to4.sin_addr) != 1)
		fail(ip);
	while (fgets(line, sizeof(line), stdin)) {
		for (int left = atoi(line); left > 0; left--)
			printf("%ld\n", is_v6 ? connect_once((struct sockaddr *)&to6, sizeof(to6)) :
						connect_once((struct sockaddr *)&to4, sizeof(to4)));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "connect"))
		return client(argv[2], atoi(argv[3]));
	fprintf(stderr, "usage: connect-time serve PORT | connect IP PORT\n");
	return 2;
}
