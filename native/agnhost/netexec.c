/* netexec: HTTP, UDP and SCTP servers that say whom they see, dial others and run commands. */
#include "netexec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "commands.h"
#include "datagrams.h"
#include "flags.h"
#include "report.h"
#include "tls.h"

int netexec_port = 8080, netexec_ready, netexec_terminating;

static const struct {
	const char *path;
	void (*handle)(struct exchange *exchange);
} routes[] = {
	{ "/clientip", netexec_clientip }, { "/serverport", netexec_serverport }, { "/header", netexec_header },
	{ "/dial", netexec_dial }, { "/echo", netexec_echo }, { "/exit", netexec_exit }, { "/healthz", netexec_healthz },
	{ "/readyz", netexec_readyz }, { "/hostname", netexec_hostname }, { "/hostName", netexec_hostname },
	{ "/redirect", netexec_redirect }, { "/shell", netexec_shell }, { "/upload", netexec_upload },
	{ "/shutdown", netexec_shutdown },
};

static void route(struct exchange *exchange, void *override)
{
	/* The override's path and parameters stand for those of every request. */
	if (override) {
		const char *question = strchr(override, '?');
		size_t length = question ? (size_t)(question - (const char *)override) : strlen(override);

		free(exchange->path);
		exchange->path = strndup(override, length);
		exchange->query = question ? question + 1 : (const char *)override + length;
		exchange->request.target = (struct slice){ override, strlen(override) };
		exchange->request.method = (struct slice){ "GET", 3 };
		exchange->request.headers.length = 0;
	}
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (strcmp(exchange->path, routes[i].path) == 0)
			return report("%.*s %s", (int)exchange->request.method.length, exchange->request.method.text, exchange->path),
			       routes[i].handle(exchange);
	netexec_root(exchange);
}

static void listen_udp(const char *address, int *port)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at;
	int fd, v6 = strchr(address, ':') != NULL;

	if (*address == '\0') {
		fd = address_listen(SOCK_DGRAM, 0, *port);
	} else {
		at.ss_family = v6 ? AF_INET6 : AF_INET;
		six->sin6_port = htons((uint16_t)*port);
		if (inet_pton(at.ss_family, address, v6 ? (void *)&six->sin6_addr : &((struct sockaddr_in *)&at)->sin_addr) != 1)
			report_fatal("parseAddress: invalid address %s", address);
		fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && bind(fd, (struct sockaddr *)&at, address_length(&at)) != 0)
			close(fd), fd = -1;
	}
	if (fd < 0)
		report_fatal("Error occurred: failed to create listener for UDP address %s:%d:%s", address, *port,
			     address_error(errno));
	report("Started UDP server on port %s %d", address, *port);
	datagrams_serve(fd, respond_to_word, port);
	__atomic_store_n(&netexec_ready, 1, __ATOMIC_SEQ_CST);
}

static void listen_all_udp(const char *addresses, int *port)
{
	char *list = strdup(addresses), *rest = list, *each;
	char *seen[64];
	int count = 0;

	while ((each = strsep(&rest, ",")) && count < 64) {
		int again = 0;

		for (int i = 0; i < count; i++)
			again |= strcmp(seen[i], each) == 0;
		if (again)
			continue;
		if (*each == '\0' && *addresses)
			report_fatal("parseAddress: invalid address %s", each);
		seen[count++] = each;
		listen_udp(each, port);
	}
	free(list);
}

static void listen_sctp(int *port)
{
	int fd = address_listen(SOCK_STREAM, IPPROTO_SCTP, *port);

	if (fd < 0)
		report_fatal("Error occurred: failed to create listener for SCTP address :%d:%s", *port, address_error(errno));
	report("Started SCTP server");
	connections_serve(fd, respond_to_word, port, 0);
	__atomic_store_n(&netexec_ready, 1, __ATOMIC_SEQ_CST);
}

int netexec(int argc, char **argv)
{
	static int udp_port = 8081, sctp_port = -1;
	const char *certificate = "", *key = "", *override = "", *udp_addresses = "";
	int delay = 0, received;
	struct tls *tls = NULL;
	char problem[512];
	const struct flag flags[] = {
		{ "http-port", FLAG_INT, &netexec_port, 0 },
		{ "udp-port", FLAG_INT, &udp_port, 0 },
		{ "sctp-port", FLAG_INT, &sctp_port, 0 },
		{ "tls-cert-file", FLAG_TEXT, &certificate, 0 },
		{ "tls-private-key-file", FLAG_TEXT, &key, 0 },
		{ "http-override", FLAG_TEXT, &override, 0 },
		{ "udp-listen-addresses", FLAG_TEXT, &udp_addresses, 0 },
		{ "delay-shutdown", FLAG_INT, &delay, 0 },
		{ 0 },
	};

	if (flags_read(flags, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost netexec\"", argv[0]);
	if (*certificate && !(tls = tls_load(certificate, key, problem, sizeof problem)))
		report_fatal("%s", problem);
	if (udp_port != -1)
		listen_all_udp(udp_addresses, &udp_port);
	if (sctp_port != -1)
		listen_sctp(&sctp_port);
	report("Started HTTP server on port %d", netexec_port);
	if (server_start(netexec_port, route, *override ? (void *)override : NULL, tls) != 0)
		report_fatal("listen tcp :%d: bind: %s", netexec_port, address_error(errno));
	received = commands_wait();
	if (received != SIGTERM)
		commands_die(received);
	__atomic_store_n(&netexec_terminating, 1, __ATOMIC_SEQ_CST);
	if (delay > 0) {
		report("Sleeping %d seconds before terminating...", delay);
		sleep((unsigned)delay);
	}
	_exit(0);
}
