#include "nettest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "commands.h"
#include "flags.h"
#include "json-read.h"
#include "json.h"
#include "nettest-state.h"
#include "report.h"

int nettest_member(struct slice object, const char *type, const char *name, struct buffer *text, char *why, size_t size)
{
	const char *kind = json_kind(object);
	struct slice value = json_member(object, name);

	if (strcmp(kind, "object") != 0 && strcmp(kind, "null") != 0) {
		snprintf(why, size, "json: cannot unmarshal %s into Go value of type nettest.%s", kind, type);
		return -1;
	}
	kind = json_kind(value);
	if (strcmp(kind, "string") != 0 && strcmp(kind, "null") != 0) {
		snprintf(why, size, "json: cannot unmarshal %s into Go struct field %s.%s of type string", kind, type, name);
		return -1;
	}
	json_text(value, text);
	return 0;
}

static void answer_status(struct exchange *exchange, const struct nettest *nettest)
{
	struct progress progress = state_progress();
	int64_t peers = nettest->peers;

	if ((int64_t)progress.sent >= peers && (int64_t)progress.received >= peers)
		return answer_text(exchange, "pass");
	if (progress.still_contacting)
		return answer_text(exchange, "running");
	state_log("Declaring failure for %s/%s with %zu sent and %zu received and %d peers", nettest->namespace, nettest->service,
		  progress.sent, progress.received, nettest->peers);
	answer_text(exchange, "fail");
}

/* What is no JSON, or no such object, is kept as an error and answered like the rest. */
static void answer_post(struct exchange *exchange)
{
	static const char *const names[] = { "Source", "Dest" };
	struct buffer members[2] = { 0 };
	char why[256] = "";
	struct slice post = json_value(exchange->body.bytes ? exchange->body.bytes : "", exchange->body.length, 0, why, sizeof why);

	for (int i = 0; post.length > 0 && *why == '\0' && i < 2; i++)
		nettest_member(post, "WritePost", names[i], &members[i], why, sizeof why);
	if (*why)
		state_error("%s", why);
	if (members[0].length > 0)
		state_received(&members[0]);
	else
		state_error("%s: Got request with no source", report_hostname());
	buffer_free(&members[0]);
	buffer_free(&members[1]);
	answer_text(exchange, "{\"Hostname\":");
	json_string(&exchange->answer, report_hostname(), strlen(report_hostname()));
	answer_text(exchange, "}\n");
}

static void answer(struct exchange *exchange, void *nettest)
{
	if (strcmp(exchange->path, "/quit") == 0)
		_exit(0);
	if (strcmp(exchange->path, "/read") == 0)
		state_write(&exchange->answer);
	else if (strcmp(exchange->path, "/write") == 0)
		answer_post(exchange);
	else if (strcmp(exchange->path, "/status") == 0)
		answer_status(exchange, nettest);
	else
		answer_error(exchange, 404, "404 page not found");
}

int nettest(int argc, char **argv)
{
	static struct nettest nettest = { "nettest", "default", 8 };
	int port = 8080, delay = 0, received;
	const struct flag flags[] = {
		{ "port", FLAG_INT, &port, 0 },
		{ "peers", FLAG_INT, &nettest.peers, 0 },
		{ "service", FLAG_TEXT, &nettest.service, 0 },
		{ "namespace", FLAG_TEXT, &nettest.namespace, 0 },
		{ "delay-shutdown", FLAG_INT, &delay, 0 },
		{ 0 },
	};

	argc = flags_read(flags, argc, argv);
	if (argc > 0)
		report_usage("accepts at most 0 arg(s), received %d", argc);
	if (*nettest.service == '\0')
		report_fatal("Must provide -service flag.");
	if (thread_start(nettest_contact, &nettest) != 0 || server_start(port, answer, &nettest, NULL) != 0)
		report_fatal("listen tcp :%d: bind: %s", port, address_error(errno));
	received = commands_wait();
	if (received != SIGTERM || delay <= 0)
		commands_die(received);
	report("Sleeping %d seconds before exit ...", delay);
	sleep((unsigned)delay);
	_exit(0);
}
