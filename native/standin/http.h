/*
 * HTTP/1.x requests (RFC 9112) and their answers: JSON that says who answered, whom it saw, and what was asked.
 * Query options, for tests: ?status=NNN, ?delay=MS (up to a minute), ?bytes=N (a body of N bytes instead of JSON).
 */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

/* Request line and headers together; more is answered with 431. */
enum { HEAD_MAX = 32 << 10 };

struct slice {
	const char *text;
	size_t length;
};

struct request {
	struct slice method, target, proto;
	/* All header lines, without the empty one. */
	struct slice headers;
	int keep_alive, expects_continue, chunked, is_head;
	uint64_t content_length;
	int status;
	int64_t delay_ms;
	/* -1: JSON. */
	int64_t bytes;
};

enum sniffed { SNIFF_MORE, SNIFF_HTTP, SNIFF_HTTP2, SNIFF_OTHER };

/* What a client speaks, by its first bytes. */
enum sniffed http_sniff(const char *bytes, size_t length);

/* Length of the request's head with its empty line; 0 when it is not complete. */
size_t http_head_length(const char *bytes, size_t length);

/* Reads a complete head; 0, or the status to refuse it with. */
int http_parse(const char *bytes, size_t length, struct request *request);

/* Appends the request's part of the JSON: "method":…,"path":…,"proto":…,"headers":{…} (names in lower case). */
void http_write_request(struct buffer *json, const struct request *request);

/* Appends status line and headers of an answer whose body has this length. */
void http_write_head(struct buffer *out, const struct request *request, const char *type, uint64_t length);

/* Appends a whole answer to a request that was refused; the connection ends with it. */
void http_write_refusal(struct buffer *out, int status);

#endif
