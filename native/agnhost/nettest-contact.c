/* How a nettest pod finds the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "cluster.h"
#include "fetch.h"
#include "json-read.h"
#include "json.h"
#include "nettest-state.h"
#include "nettest.h"
#include "report.h"
#include "wire.h"

enum { ENDPOINTS_MAX = 10000, ENDPOINT_TEXT = 80, ROUNDS = 15 };

struct endpoints {
	/* `http://10.0.0.1:8080`, sorted, each once. */
	char (*all)[ENDPOINT_TEXT];
	size_t length;
};

static void rest(int seconds)
{
	nanosleep(&(struct timespec){ .tv_sec = seconds }, NULL);
}

static int at_least(int least, int number)
{
	return number > least ? number : least;
}

/* As `%#v` writes a version.Info. */
static void report_version(struct slice version)
{
	static const char *const members[] = {
		"Major", "Minor", "EmulationMajor", "EmulationMinor", "MinCompatibilityMajor", "MinCompatibilityMinor", "GitVersion",
		"GitCommit", "GitTreeState", "BuildDate", "GoVersion", "Compiler", "Platform",
	};
	struct buffer line = { 0 };

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		struct buffer text = { 0 };

		buffer_text(&line, i ? ", " : "");
		buffer_text(&line, members[i]);
		buffer_text(&line, ":");
		json_text(json_member(version, members[i]), &text);
		json_string(&line, text.bytes ? text.bytes : "", text.length);
		buffer_free(&text);
	}
	report("Server version: &version.Info{%.*s}", (int)line.length, line.bytes);
	buffer_free(&line);
}

/* The pod's network may not be ready yet. */
static void await_server(int pause, int timeout)
{
	char why[1024] = "";

	for (int64_t until = wire_now() + timeout * 1000LL; wire_now() < until; rest(pause)) {
		struct buffer text = { 0 };
		struct slice version = cluster_get("/version", &text, why, sizeof why);

		if (version.length > 0)
			report_version(version);
		buffer_free(&text);
		if (version.length > 0)
			return;
		report("Unable to get server version: %s; retrying.", why);
		rest(1);
	}
	report_fatal("Unable to contact Kubernetes: %s", why);
}

static void insert(struct endpoints *endpoints, const char *url)
{
	size_t at = 0;
	int order = 1;

	while (at < endpoints->length && (order = strcmp(url, endpoints->all[at])) > 0)
		at++;
	if ((at < endpoints->length && order == 0) || endpoints->length == ENDPOINTS_MAX)
		return;
	endpoints->all = realloc(endpoints->all, (endpoints->length + 1) * sizeof *endpoints->all);
	if (!endpoints->all)
		abort();
	memmove(endpoints->all + at + 1, endpoints->all + at, (endpoints->length++ - at) * sizeof *endpoints->all);
	snprintf(endpoints->all[at], ENDPOINT_TEXT, "%s", url);
}

/* Those that are ready: every address with every port. */
static void read_subset(struct slice subset, struct endpoints *endpoints)
{
	struct slice addresses = json_member(subset, "addresses"), ports = json_member(subset, "ports"), address = { 0 };

	while (json_next(addresses, &address)) {
		struct buffer ip = { 0 };
		struct slice port = { 0 };

		json_text(json_member(address, "ip"), &ip);
		buffer_append(&ip, "", 1);
		while (json_next(ports, &port)) {
			struct slice number = json_member(port, "port");
			char url[ENDPOINT_TEXT];

			snprintf(url, sizeof url, strchr(ip.bytes, ':') ? "http://[%s]:%.*s" : "http://%s:%.*s", ip.bytes,
				 (int)number.length, number.text);
			insert(endpoints, url);
		}
		buffer_free(&ip);
	}
}

/* None where they cannot be read. agnhost logs why into a state that nobody is shown. */
static struct endpoints find_endpoints(const struct nettest *nettest)
{
	struct endpoints endpoints = { 0 };
	struct buffer text = { 0 };
	struct slice subsets, subset = { 0 };
	char path[768], why[1024];

	snprintf(path, sizeof path, "/api/v1/namespaces/%s/endpoints/%s", nettest->namespace, nettest->service);
	subsets = json_member(cluster_get(path, &text, why, sizeof why), "subsets");
	while (json_next(subsets, &subset))
		read_subset(subset, &endpoints);
	buffer_free(&text);
	return endpoints;
}

static void log_too_few(const struct nettest *nettest, const struct endpoints *endpoints)
{
	struct buffer list = { 0 };

	for (size_t i = 0; i < endpoints->length; i++) {
		buffer_text(&list, i ? " " : "");
		buffer_text(&list, endpoints->all[i]);
	}
	state_log("%s/%s has %zu endpoints ([%.*s]), which is less than %d as expected. Waiting for all endpoints to come up.",
		  nettest->namespace, nettest->service, endpoints->length, (int)list.length, list.bytes ? list.bytes : "",
		  nettest->peers);
	buffer_free(&list);
}

static void await_endpoints(const struct nettest *nettest, int pause, int timeout)
{
	for (int64_t until = wire_now() + timeout * 1000LL; wire_now() < until; rest(pause)) {
		struct endpoints endpoints = find_endpoints(nettest);
		int enough = (int64_t)endpoints.length >= nettest->peers;

		if (!enough)
			log_too_few(nettest, &endpoints);
		free(endpoints.all);
		if (enough)
			return;
	}
}

/* Whose name an answer tells is reached. */
static void take_answer(const char *endpoint, const struct buffer *answer)
{
	struct buffer hostname = { 0 };
	const char *text = answer->bytes ? answer->bytes : "";
	char why[256] = "";
	struct slice value = json_value(text, answer->length, 1, why, sizeof why);

	if (value.length > 0 && nettest_member(value, "WriteResp", "Hostname", &hostname, why, sizeof why) == 0)
		state_sent(&hostname);
	else
		state_log("Warning: unable to unmarshal response (%.*s) from '%s': '%s'", (int)answer->length, text, endpoint, why);
	buffer_free(&hostname);
}

static void contact(const char *endpoint)
{
	struct buffer body = { 0 }, answer = { 0 };
	struct sockaddr_storage found[ADDRESSES_MAX];
	char url[ENDPOINT_TEXT + 8], place[ENDPOINT_TEXT], why[1024], *host, *port;

	snprintf(url, sizeof url, "%s/write", endpoint);
	snprintf(place, sizeof place, "%s", endpoint + strlen("http://"));
	if (address_split(place, &host, &port) || address_resolve(host, port, found, why, sizeof why) == 0)
		return;
	buffer_text(&body, "{\"Source\":");
	json_string(&body, report_hostname(), strlen(report_hostname()));
	buffer_text(&body, ",\"Dest\":");
	json_string(&body, endpoint, strlen(endpoint));
	buffer_append(&body, "}", 2);

	struct fetch post = { .to = &found[0], .method = "POST", .url = url, .target = "/write",
			      .headers = "Content-Type: application/json\r\n", .body = body.bytes };

	if (fetch(&post, &answer, why, sizeof why) < 0)
		state_log("Warning: unable to contact the endpoint \"%s\": %s", endpoint, why);
	else
		take_answer(endpoint, &answer);
	buffer_free(&body);
	buffer_free(&answer);
}

void *nettest_contact(void *argument)
{
	const struct nettest *nettest = argument;
	/* Of many peers none asks so often that the API would notice. */
	int pause = at_least(5, nettest->peers / 10), timeout = at_least(300, nettest->peers);
	char why[256];

	if (cluster_probe(why, sizeof why) != 0)
		report_fatal("Unable to create config; error: %s", why);
	await_server(pause, timeout);
	await_endpoints(nettest, pause, timeout);
	/* Some peers may become endpoints later. */
	for (int round = 0; round < ROUNDS; round++, rest(pause)) {
		struct endpoints endpoints = find_endpoints(nettest);

		for (size_t i = 0; i < endpoints.length; i++) {
			state_log("Attempting to contact %s", endpoints.all[i]);
			contact(endpoints.all[i]);
		}
		free(endpoints.all);
	}
	state_done();
	return NULL;
}
