/* porter: every SERVE_…PORT_N of the environment is a port that answers with the variable's value. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "commands.h"
#include "datagrams.h"
#include "flags.h"
#include "json.h"
#include "report.h"
#include "server.h"
#include "tls.h"

extern char **environ;
static int as_json;

static void answer(struct exchange *exchange, void *value)
{
	struct slice method = exchange->request.method;

	if (!as_json)
		return answer_text(exchange, value);
	exchange->type = "application/json";
	answer_text(exchange, "{\"Method\":");
	json_string(&exchange->answer, method.text, method.length);
	answer_text(exchange, ",\"Body\":");
	json_string(&exchange->answer, value, strlen(value));
	answer_text(exchange, "}");
}

static void serve_tcp(int port, char *value)
{
	if (server_start(port, answer, value, NULL) != 0)
		report("server on port \"%d\" failed: listen tcp 0.0.0.0:%d: bind: %s", port, port, address_error(errno));
}

static void serve_udp(int port, char *value)
{
	int fd = address_listen(SOCK_DGRAM, 0, port);

	if (fd < 0)
		report_fatal("UDP: failed to listen on port %d: %s", port, address_error(errno));
	report("Started UDP server on port %d", port);
	datagrams_serve(fd, respond_with_text, value);
}

static void serve_sctp(int port, char *value)
{
	int fd = address_listen(SOCK_STREAM, IPPROTO_SCTP, port);

	if (fd < 0)
		report_fatal("Failed to listen SCTP. error:%s", address_error(errno));
	report("Started SCTP server");
	connections_serve(fd, respond_with_text, value, 1);
}

/* The image brings a certificate along, in its working directory. */
static void serve_tls(int port, char *value)
{
	const char *certificate = getenv("CERT_FILE"), *key = getenv("KEY_FILE");
	int given = (certificate && *certificate) || (key && *key);
	char problem[512];
	struct tls *tls;

	certificate = certificate && *certificate ? certificate : "localhost.crt";
	key = key && *key ? key : "localhost.key";
	tls = given ? tls_load(certificate, key, problem, sizeof problem) : tls_built_in();
	if (tls && server_start(port, answer, value, tls) != 0)
		snprintf(problem, sizeof problem, "listen tcp 0.0.0.0:%d: bind: %s", port, address_error(errno));
	else if (tls)
		return;
	report("tls server on port \"%d\" with certFile=\"%s\", keyFile=\"%s\" failed: %s", port, certificate, key, problem);
}

static void serve_variable(char *variable)
{
	static const struct {
		const char *prefix;
		void (*serve)(int port, char *value);
	} kinds[] = {
		{ "SERVE_PORT_", serve_tcp }, { "SERVE_TCP_PORT_", serve_tcp }, { "SERVE_UDP_PORT_", serve_udp },
		{ "SERVE_SCTP_PORT_", serve_sctp }, { "SERVE_TLS_PORT_", serve_tls },
	};
	char *value = strchr(variable, '=');

	for (size_t i = 0; value && i < sizeof kinds / sizeof *kinds; i++) {
		size_t length = strlen(kinds[i].prefix);
		int port = atoi(variable + length * (strncmp(variable, kinds[i].prefix, length) == 0));

		if (strncmp(variable, kinds[i].prefix, length) != 0)
			continue;
		if (port < 1 || port > 65535)
			report("server on port \"%.*s\" failed: invalid port", (int)(value - variable - (long)length), variable + length);
		else
			kinds[i].serve(port, value + 1);
	}
}

int porter(int argc, char **argv)
{
	const struct flag flags[] = { { "json-response", FLAG_BOOL, &as_json, 0 }, { 0 } };

	if (flags_read(flags, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost porter\"", argv[0]);
	for (char **variable = environ; *variable; variable++)
		serve_variable(*variable);
	commands_die(commands_wait());
}
