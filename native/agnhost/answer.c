#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "address.h"
#include "form.h"

int answer_send(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

const char *answer_reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 300, "Multiple Choices" },
		{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" }, { 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 412, "Precondition Failed" },
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

int answer_write(int fd, struct exchange *exchange)
{
	int bare = exchange->status == 204 || exchange->status == 304;
	struct buffer out = { 0 };
	char text[256], date[64];
	time_t now = time(NULL);
	struct tm parts;
	int failed;

	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
	snprintf(text, sizeof text, "HTTP/1.1 %03d %s\r\nDate: %s\r\n", exchange->status,
		 *answer_reason(exchange->status) ? answer_reason(exchange->status) : "status", date);
	buffer_text(&out, text);
	buffer_append(&out, exchange->headers.bytes, exchange->headers.length);
	if (exchange->close)
		buffer_text(&out, "Connection: close\r\n");
	if (!bare) {
		snprintf(text, sizeof text, "Content-Length: %zu\r\n", exchange->answer.length);
		buffer_text(&out, text);
	}
	if (!bare && exchange->answer.length > 0 && exchange->type) {
		snprintf(text, sizeof text, "Content-Type: %s\r\n", exchange->type);
		buffer_text(&out, text);
	}
	buffer_text(&out, "\r\n");
	if (!bare && !exchange->request.is_head)
		buffer_append(&out, exchange->answer.bytes, exchange->answer.length);
	failed = answer_send(fd, out.bytes, out.length);
	buffer_free(&out);
	return failed;
}

void answer_refuse(int fd, int status)
{
	char text[256];
	const char *reason = answer_reason(status);
	int length = snprintf(text, sizeof text,
			      "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%d %s", status,
			      reason, status, reason);

	answer_send(fd, text, (size_t)length);
}

void answer_linger(int fd)
{
	char bytes[4096];

	shutdown(fd, SHUT_WR);
	address_timeout(fd, 500);
	for (int i = 0; i < 64 && recv(fd, bytes, sizeof bytes, 0) > 0; i++)
		;
}

void answer_text(struct exchange *exchange, const char *text)
{
	buffer_text(&exchange->answer, text);
}

void answer_error(struct exchange *exchange, int status, const char *text)
{
	exchange->status = status;
	buffer_text(&exchange->headers, "X-Content-Type-Options: nosniff\r\n");
	answer_text(exchange, text);
	answer_text(exchange, "\n");
}

struct slice request_header(const struct exchange *exchange, const char *name)
{
	const char *at = exchange->request.headers.text, *end = at + exchange->request.headers.length;
	size_t length = strlen(name);

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

		if ((size_t)(stop - at) > length && at[length] == ':' && strncasecmp(at, name, length) == 0) {
			for (at += length + 1; at < stop && strchr(" \t", *at); at++)
				;
			while (stop > at && strchr(" \t\r", stop[-1]))
				stop--;
			return (struct slice){ at, (size_t)(stop - at) };
		}
		at = newline ? newline + 1 : end;
	}
	return (struct slice){ "", 0 };
}

char *request_query(const struct exchange *exchange, const char *name)
{
	const struct slice *target = &exchange->request.target;
	char *value = form_value(exchange->query, (size_t)(target->text + target->length - exchange->query), name);

	return value ? value : strdup("");
}

char *request_value(const struct exchange *exchange, const char *name)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct slice type = request_header(exchange, "Content-Type");
	char first = exchange->request.method.text[0];
	char *value = NULL;

	/* POST, PUT and PATCH. */
	if (first == 'P' && type.length >= sizeof form - 1 && strncasecmp(type.text, form, sizeof form - 1) == 0)
		value = form_value(exchange->body.bytes, exchange->body.length, name);
	return value ? value : request_query(exchange, name);
}
