/* What netexec says of itself and of who asks. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "answer.h"
#include "flags.h"
#include "json.h"
#include "netexec.h"
#include "report.h"

void netexec_root(struct exchange *exchange)
{
	static struct timespec zero;
	struct timespec now, monotonic;
	struct tm parts;
	char text[128], day[64], zone[32];

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	if (zero.tv_sec == 0)
		zero = monotonic;
	localtime_r(&now.tv_sec, &parts);
	strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &parts);
	strftime(zone, sizeof zone, "%z %Z", &parts);
	snprintf(text, sizeof text, "NOW: %s.%09ld %s m=+%.9f", day, now.tv_nsec, zone,
		 (double)(monotonic.tv_sec - zero.tv_sec) + (double)(monotonic.tv_nsec - zero.tv_nsec) / 1e9);
	answer_text(exchange, text);
}

void netexec_clientip(struct exchange *exchange)
{
	char text[ADDRESS_TEXT];

	answer_text(exchange, address_text(&exchange->client, text));
}

void netexec_serverport(struct exchange *exchange)
{
	buffer_number(&exchange->answer, (uint64_t)netexec_port);
}

void netexec_hostname(struct exchange *exchange)
{
	answer_text(exchange, report_hostname());
}

void netexec_healthz(struct exchange *exchange)
{
	exchange->status = __atomic_load_n(&netexec_ready, __ATOMIC_SEQ_CST) ? 200 : 412;
}

void netexec_readyz(struct exchange *exchange)
{
	if (__atomic_load_n(&netexec_terminating, __ATOMIC_SEQ_CST)) {
		exchange->status = 503;
		answer_text(exchange, "shutting down");
	} else if (__atomic_load_n(&netexec_ready, __ATOMIC_SEQ_CST)) {
		answer_text(exchange, "ok");
	} else {
		exchange->status = 412;
	}
}

static void wrong(struct exchange *exchange, const char *what, const char *value)
{
	answer_text(exchange, "argument ");
	answer_text(exchange, what);
	answer_text(exchange, " or empty, got \"");
	answer_text(exchange, value);
	answer_text(exchange, "\"\n");
}

/* A status of the request's; -1 when it was no number. Go's server fails on one that HTTP cannot carry. */
static int read_code(struct exchange *exchange, int otherwise)
{
	char *text = request_value(exchange, "code");
	int code = otherwise, bad = *text && flags_number(text, &code) != 0;

	if (bad)
		wrong(exchange, "'code' must be an integer", text);
	free(text);
	if (!bad && (code < 100 || code > 999))
		exchange->abort = 1;
	return bad ? -1 : code < 200 ? 200 : code;
}

void netexec_echo(struct exchange *exchange)
{
	int code = read_code(exchange, 200);
	char *message = request_value(exchange, "msg");

	if (code >= 0) {
		exchange->status = code;
		answer_text(exchange, message);
	}
	free(message);
}

/* Where `..`, `.` and double slashes are undone; a slash at the end stays. */
static void clean(struct buffer *to, const char *path, size_t length)
{
	size_t start = to->length, i = 0;

	while (i < length) {
		size_t end;

		while (i < length && path[i] == '/')
			i++;
		for (end = i; end < length && path[end] != '/'; end++)
			;
		if (end - i == 2 && memcmp(path + i, "..", 2) == 0) {
			while (to->length > start && to->bytes[--to->length] != '/')
				;
		} else if (end > i && !(end - i == 1 && path[i] == '.')) {
			buffer_text(to, "/");
			buffer_append(to, path + i, end - i);
		}
		i = end;
	}
	if (to->length == start || (length > 0 && path[length - 1] == '/'))
		buffer_text(to, "/");
}

static int has_scheme(const char *url)
{
	size_t length = 0;

	while (isalnum((unsigned char)url[length]) || (length > 0 && url[length] && strchr("+-.", url[length])))
		length++;
	return length > 0 && isalpha((unsigned char)*url) && url[length] == ':';
}

static void write_link(struct exchange *exchange, const struct buffer *location, const char *reason)
{
	answer_text(exchange, "<a href=\"");
	for (size_t i = 0; i < location->length; i++) {
		static const char special[] = "&<>\"'", *const entities[] = { "&amp;", "&lt;", "&gt;", "&#34;", "&#39;" };
		const char *at = strchr(special, location->bytes[i]);

		if (at && *at)
			answer_text(exchange, entities[at - special]);
		else
			buffer_append(&exchange->answer, &location->bytes[i], 1);
	}
	answer_text(exchange, "\">");
	answer_text(exchange, reason);
	answer_text(exchange, "</a>.\n\n");
}

static void write_location(struct exchange *exchange, const struct buffer *location)
{
	char text[8];


	buffer_text(&exchange->headers, "Location: ");
	for (size_t i = 0; i < location->length; i++) {
		unsigned char c = (unsigned char)location->bytes[i];

		/* Line ends become spaces: no header is smuggled in. */
		snprintf(text, sizeof text, c >= 0x80 ? "%%%02x" : "%c", c == '\r' || c == '\n' ? ' ' : c);
		buffer_text(&exchange->headers, text);
	}
	buffer_text(&exchange->headers, "\r\n");
}

void netexec_redirect(struct exchange *exchange)
{
	char *to = request_value(exchange, "location");
	int code = read_code(exchange, 302);
	struct buffer location = { 0 };
	size_t path = strcspn(to, "?");

	if (code < 0)
		return free(to);
	if (has_scheme(to) || strncmp(to, "//", 2) == 0)
		buffer_text(&location, to);
	else {
		clean(&location, to, path);
		buffer_text(&location, to + path);
	}
	exchange->status = code;
	write_location(exchange, &location);
	exchange->type = "text/html; charset=utf-8";
	if (exchange->request.is_head || (exchange->request.method.length == 3 && exchange->request.method.text[0] == 'G'))
		write_link(exchange, &location, answer_reason(code));
	buffer_free(&location);
	free(to);
}

void netexec_shutdown(struct exchange *exchange)
{
	(void)exchange;
	_exit(0);
}

struct ending {
	int code;
	int64_t timeout_ms;
};

static void *end(void *argument)
{
	struct ending *ending = argument;

	server_finish(ending->timeout_ms, ending->code);
}

static int read_time(struct exchange *exchange, const char *name, int64_t *nanoseconds)
{
	char *text = request_value(exchange, name), what[64];
	int bad = *text && flags_duration(text, nanoseconds) != 0;

	snprintf(what, sizeof what, "'%s' must be a valid golang duration", name);
	if (bad)
		wrong(exchange, what, text);
	free(text);
	return bad ? -1 : 0;
}

void netexec_exit(struct exchange *exchange)
{
	int64_t wait = 0, timeout = 0;
	char *text = request_value(exchange, "code");
	struct ending *ending = calloc(1, sizeof *ending);
	int ready = ending && read_time(exchange, "timeout", &timeout) == 0 && read_time(exchange, "wait", &wait) == 0;

	if (ready && *text && flags_number(text, &ending->code) != 0) {
		wrong(exchange, "'code' must be an integer [0-127]", text);
		ready = 0;
	}
	free(text);
	if (!ready)
		return free(ending);
	nanosleep(&(struct timespec){ wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0 }, NULL);
	if (timeout == 0)
		_exit(ending->code);
	ending->timeout_ms = timeout / 1000000;
	if (thread_start(end, ending) != 0)
		_exit(ending->code);
}
