/* connect: one connection attempt. What went wrong is the first word on stderr, and exit status 1. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "commands.h"
#include "flags.h"
#include "report.h"
#include "wire.h"

static void fail(const char *word, const char *why)
{
	fprintf(stderr, *why ? "%s: %s\n" : "%s%s\n", word, why);
	exit(1);
}

static int resolve(const char *destination, int split_error_is_unknown, struct sockaddr_storage *found)
{
	char why[256], *copy = strdup(destination), *host, *port;
	const char *wrong = address_split(copy, &host, &port);
	int count;

	if (wrong) {
		snprintf(why, sizeof why, "address %s: %s", destination, wrong);
		fail(split_error_is_unknown ? "UNKNOWN" : "DNS", why);
	}
	count = address_resolve(host, port, found, why, sizeof why);
	if (count == 0)
		fail("DNS", why);
	free(copy);
	return count;
}

static int connect_tcp(const char *destination, int64_t timeout_ms)
{
	struct sockaddr_storage found[ADDRESSES_MAX];
	int count = resolve(destination, 1, found), error = 0;
	int64_t until = wire_now() + timeout_ms;
	char text[ADDRESS_TEXT], why[256];

	for (int i = 0; i < count; i++) {
		/* What is left goes to the addresses that are left in equal parts. */
		int64_t left = timeout_ms ? (until - wire_now()) / (count - i) : 0;

		if (timeout_ms && left <= 0)
			fail("TIMEOUT", "");
		if (address_connect(&found[i], 0, left) >= 0)
			return 0;
		/* The first address' failure is the one that is told. */
		if (i == 0)
			error = errno;
	}
	if (error == ETIMEDOUT)
		fail("TIMEOUT", "");
	if (error == ECONNREFUSED)
		fail("REFUSED", "");
	snprintf(why, sizeof why, "dial tcp %s: connect: %s", address_text(&found[0], text), address_error(error));
	fail("OTHER", why);
	return 1;
}

static void fail_udp(int fd, const char *call)
{
	int error = errno;
	char why[256];

	wire_error(fd, call, error, why, sizeof why);
	fail(error == EAGAIN ? "TIMEOUT" : error == ECONNREFUSED ? "REFUSED" : "UNKNOWN", why);
}

static int connect_udp(const char *destination, int64_t timeout_ms, const char *data)
{
	struct sockaddr_storage found[ADDRESSES_MAX];
	char line[2048], bytes[1024], text[ADDRESS_TEXT], why[256];
	int fd, length = snprintf(line, sizeof line, "%s\n", data);
	ssize_t n;

	resolve(destination, 0, found);
	fd = wire_udp(&found[0]);
	if (fd < 0) {
		snprintf(why, sizeof why, "dial udp %s: connect: %s", address_text(&found[0], text), address_error(errno));
		fail("OTHER", why);
	}
	address_timeout(fd, timeout_ms);
	if (send(fd, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line), 0) < 0)
		fail_udp(fd, "write");
	n = recv(fd, bytes, sizeof bytes, 0);
	if (n < 0)
		fail_udp(fd, "read");
	if (n == 0)
		fail("OTHER", "No data received from the server. Cannot guarantee the server received the request.");
	return 0;
}

static int connect_sctp(const char *destination, int64_t timeout_ms, const char *data)
{
	struct sockaddr_storage found[ADDRESSES_MAX];
	char line[2048], bytes[1024];
	int fd, length = snprintf(line, sizeof line, "%s\n", data);

	resolve(destination, 0, found);
	/* Agnhost's clock has run out at once where no time is given. */
	if (timeout_ms == 0)
		fail("TIMEOUT", "");
	fd = address_connect(&found[0], IPPROTO_SCTP, timeout_ms);
	if (fd >= 0 && send(fd, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line), MSG_NOSIGNAL) > 0) {
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);

		if (n > 0)
			return 0;
		if (n == 0)
			fail("OTHER", "EOF");
	}
	if (errno == ETIMEDOUT || errno == EAGAIN)
		fail("TIMEOUT", "");
	fail("OTHER", address_error(errno));
	return 1;
}

int connect_command(int argc, char **argv)
{
	const char *protocol = "tcp", *udp_data = "hostname", *sctp_data = "hostname";
	int64_t timeout = 0;
	const struct flag flags[] = {
		{ "timeout", FLAG_DURATION, &timeout, 0 },
		{ "protocol", FLAG_TEXT, &protocol, 0 },
		{ "udp-data", FLAG_TEXT, &udp_data, 0 },
		{ "sctp-data", FLAG_TEXT, &sctp_data, 0 },
		{ 0 },
	};
	int left = flags_read(flags, argc, argv);

	if (left != 1)
		report_usage("accepts 1 arg(s), received %d", left);
	/* It waits only here: signals end it. */
	commands_default_signals();
	/* Less than the clock's step is not forever. */
	timeout = timeout > 0 ? (timeout + 999999) / 1000000 : 0;
	if (*protocol == '\0' || strcmp(protocol, "tcp") == 0)
		return connect_tcp(argv[0], timeout);
	if (strcmp(protocol, "udp") == 0)
		return connect_udp(argv[0], timeout, udp_data);
	if (strcmp(protocol, "sctp") == 0)
		return connect_sctp(argv[0], timeout, sctp_data);
	fprintf(stderr, "Unsupported protocol\n%s", protocol);
	return 1;
}
