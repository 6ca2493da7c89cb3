#include "http.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = { "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "PATCH ", "OPTIONS ", "TRACE " };
static const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

enum sniffed http_sniff(const char *bytes, size_t length)
{
	enum sniffed result = SNIFF_OTHER;

	if (memcmp(bytes, http2_preface, smaller(length, sizeof http2_preface - 1)) == 0)
		return length < sizeof http2_preface - 1 ? SNIFF_MORE : SNIFF_HTTP2;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		size_t method = strlen(methods[i]);

		if (memcmp(bytes, methods[i], smaller(length, method)) != 0)
			continue;
		if (length <= method)
			result = SNIFF_MORE;
		else if (strchr("/*h", bytes[method]))
			return SNIFF_HTTP;
	}
	return result;
}

size_t http_head_length(const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (at < end && *at == '\n')
			return (size_t)(at + 1 - bytes);
		if (at + 1 < end && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at + 2 - bytes);
	}
	return 0;
}

/* Cuts the next line off, without its end. A lone line feed ends one too (RFC 9112, 2.2). */
static struct slice next_line(struct slice *rest)
{
	const char *end = memchr(rest->text, '\n', rest->length);
	size_t length = end ? (size_t)(end - rest->text) : rest->length;
	struct slice line = { rest->text, length };

	rest->text += length + (end != NULL);
	rest->length -= length + (end != NULL);
	if (line.length > 0 && line.text[line.length - 1] == '\r')
		line.length--;
	return line;
}

static struct slice cut(struct slice *rest, char separator)
{
	const char *end = memchr(rest->text, separator, rest->length);
	size_t length = end ? (size_t)(end - rest->text) : rest->length;
	struct slice part = { rest->text, length };

	rest->text += length + (end != NULL);
	rest->length -= length + (end != NULL);
	return part;
}

static struct slice trim(struct slice text)
{
	while (text.length > 0 && strchr(" \t", text.text[0]))
		text.text++, text.length--;
	while (text.length > 0 && strchr(" \t\r", text.text[text.length - 1]))
		text.length--;
	return text;
}

static int same(struct slice text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.text, word, text.length) == 0;
}

static int lists(struct slice value, const char *word)
{
	while (value.length > 0)
		if (same(trim(cut(&value, ',')), word))
			return 1;
	return 0;
}

/* A number of decimal digits alone; -1 when it is none or too large. */
static int64_t number(struct slice text, int64_t limit)
{
	int64_t value = 0;

	if (text.length == 0)
		return -1;
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.text[i]) || value > limit / 10)
			return -1;
		value = value * 10 + (text.text[i] - '0');
	}
	return value <= limit ? value : -1;
}

static int read_header(struct request *request, struct slice name, struct slice value)
{
	if (same(name, "content-length")) {
		int64_t length = number(value, INT64_MAX / 16);

		if (length < 0 || (request->content_length != 0 && request->content_length != (uint64_t)length))
			return 400;
		request->content_length = (uint64_t)length;
	} else if (same(name, "transfer-encoding")) {
		if (!same(value, "chunked"))
			return 501;
		request->chunked = 1;
	} else if (same(name, "connection")) {
		if (lists(value, "close"))
			request->keep_alive = 0;
		else if (lists(value, "keep-alive"))
			request->keep_alive = 1;
	} else if (same(name, "expect")) {
		request->expects_continue = same(value, "100-continue");
	}
	return 0;
}

static int read_headers(struct request *request)
{
	struct slice rest = request->headers;

	while (rest.length > 0) {
		struct slice value = next_line(&rest);
		struct slice name = cut(&value, ':');
		int refused;

		/* No colon, or a name with white space: a continuation line or a smuggled header (RFC 9112, 5). */
		if (value.text == name.text + name.length || name.length == 0 || memchr(name.text, ' ', name.length) ||
		    memchr(name.text, '\t', name.length) || memchr(name.text, '\0', name.length))
			return 400;
		refused = read_header(request, name, trim(value));
		if (refused)
			return refused;
	}
	/* Both: the chunks count, and the connection ends after it (RFC 9112, 6.3). */
	if (request->chunked && request->content_length != 0)
		request->keep_alive = 0;
	if (request->chunked)
		request->content_length = 0;
	return 0;
}

static void read_options(struct request *request)
{
	struct slice query = request->target;

	cut(&query, '?');
	while (query.length > 0) {
		struct slice value = cut(&query, '&');
		struct slice name = cut(&value, '=');
		int64_t status = same(name, "status") ? number(value, 599) : -1;

		if (status >= 200)
			request->status = (int)status;
		if (same(name, "delay") && number(value, 60000) > 0)
			request->delay_ms = number(value, 60000);
		if (same(name, "bytes"))
			request->bytes = number(value, 1LL << 40);
	}
}

int http_parse(const char *bytes, size_t length, struct request *request)
{
	struct slice rest = { bytes, length };
	struct slice line = next_line(&rest);

	*request = (struct request){ .status = 200, .bytes = -1 };
	request->method = cut(&line, ' ');
	request->target = cut(&line, ' ');
	request->proto = line;
	if (request->target.length == 0 || line.length != 8 || memcmp(line.text, "HTTP/1.", 7) != 0 ||
	    !isdigit((unsigned char)line.text[7]))
		return 400;
	request->keep_alive = line.text[7] != '0';
	request->is_head = same(request->method, "HEAD");
	/* Without the empty line. */
	request->headers = rest;
	request->headers.length -= rest.length >= 2 && rest.text[rest.length - 2] == '\r' ? 2 : 1;
	read_options(request);
	return read_headers(request);
}

static void write_slice(struct buffer *json, const char *key, struct slice value)
{
	buffer_text(json, ",");
	buffer_json(json, key, strlen(key));
	buffer_text(json, ":");
	buffer_json(json, value.text, value.length);
}

static void write_name(struct buffer *json, struct slice name)
{
	char lower[256];
	size_t length = smaller(name.length, sizeof lower);

	for (size_t i = 0; i < length; i++)
		lower[i] = (char)tolower((unsigned char)name.text[i]);
	buffer_json(json, lower, length);
}

void http_write_request(struct buffer *json, const struct request *request)
{
	struct slice rest = request->headers;
	const char *separator = "";

	write_slice(json, "method", request->method);
	write_slice(json, "path", request->target);
	write_slice(json, "proto", request->proto);
	buffer_text(json, ",\"headers\":{");
	while (rest.length > 0) {
		struct slice value = next_line(&rest);
		struct slice name = cut(&value, ':');

		value = trim(value);
		buffer_text(json, separator);
		write_name(json, name);
		buffer_text(json, ":");
		buffer_json(json, value.text, value.length);
		separator = ",";
	}
	buffer_text(json, "}");
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" }, { 201, "Created" }, { 204, "No Content" }, { 301, "Moved Permanently" }, { 302, "Found" },
		{ 304, "Not Modified" }, { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 429, "Too Many Requests" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

void http_write_head(struct buffer *out, const struct request *request, const char *type, uint64_t length)
{
	buffer_text(out, "HTTP/1.1 ");
	buffer_number(out, (uint64_t)request->status);
	buffer_text(out, " ");
	buffer_text(out, reason(request->status));
	buffer_text(out, "\r\nContent-Type: ");
	buffer_text(out, type);
	/* These two have no body, and 204 may not even say so (RFC 9110, 8.6). */
	if (request->status != 204 && request->status != 304) {
		buffer_text(out, "\r\nContent-Length: ");
		buffer_number(out, length);
	}
	buffer_text(out, request->keep_alive ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
}

void http_write_refusal(struct buffer *out, int status)
{
	struct request request = { .status = status };
	const char *text = reason(status);

	http_write_head(out, &request, "text/plain", strlen(text) + 1);
	buffer_text(out, text);
	buffer_text(out, "\n");
}
