#include "fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../standin/chunks.h"
#include "../standin/http.h"
#include "address.h"
#include "answer.h"
#include "tls-client.h"
#include "wire.h"

enum { CONNECT_MS = 30000, PIECE = 16 << 10 };

static const char late[] = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";

/* All that comes until the end; -1 with errno. */
static int read_all(int fd, struct buffer *in, int64_t until)
{
	for (;;) {
		int64_t left = until ? until - wire_now() : 0;
		ssize_t n;

		if (until && left <= 0)
			return errno = ETIMEDOUT, -1;
		address_timeout(fd, left);
		n = recv(fd, buffer_reserve(in, PIECE), PIECE, 0);
		if (n <= 0)
			return n == 0 ? 0 : -1;
		in->length += (size_t)n;
		if (in->length > FETCH_MAX)
			return errno = EMSGSIZE, -1;
	}
}

static int join_chunks(const char *bytes, size_t length, struct buffer *body)
{
	struct chunks chunks = { 0 };

	for (size_t i = 0; i < length && chunks.state != CHUNK_DONE && chunks.state != CHUNK_BAD; i++) {
		uint64_t before = chunks.total;

		chunks_take(&chunks, bytes + i, 1);
		if (chunks.total > before)
			buffer_append(body, bytes + i, 1);
	}
	return chunks.state == CHUNK_DONE ? 0 : -1;
}

/* The status of a whole answer; -1 when it is none. */
static int read_answer(const struct buffer *in, struct buffer *body)
{
	static const char chunked[] = "\r\ntransfer-encoding: chunked";
	size_t head = http_head_length(in->bytes, in->length), name = sizeof chunked - 1;

	if (head == 0 || in->length < 12 || memcmp(in->bytes, "HTTP/1.", 7) != 0)
		return -1;
	for (size_t i = 0; i + name <= head; i++)
		if (strncasecmp(in->bytes + i, chunked, name) == 0)
			return join_chunks(in->bytes + head, in->length - head, body) == 0 ? atoi(in->bytes + 9) : -1;
	buffer_append(body, in->bytes + head, in->length - head);
	return atoi(in->bytes + 9);
}

static void write_request(const struct fetch *fetch, struct buffer *out)
{
	char at[ADDRESS_TEXT], length[64];

	buffer_text(out, fetch->method);
	buffer_text(out, " ");
	buffer_text(out, fetch->target);
	buffer_text(out, " HTTP/1.1\r\nHost: ");
	buffer_text(out, address_text(fetch->to, at));
	buffer_text(out, "\r\nUser-Agent: Go-http-client/1.1\r\nConnection: close\r\n");
	buffer_text(out, fetch->headers ? fetch->headers : "");
	if (fetch->body) {
		snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(fetch->body));
		buffer_text(out, length);
	}
	buffer_text(out, "\r\n");
	buffer_text(out, fetch->body ? fetch->body : "");
}

/* -1 with what went wrong. */
static int converse(const struct fetch *fetch, int fd, struct buffer *in, char *why, size_t size)
{
	int64_t until = fetch->timeout_ms ? wire_now() + fetch->timeout_ms : 0;
	struct buffer out = { 0 };
	int failed;

	write_request(fetch, &out);
	if (fetch->tls) {
		address_timeout(fd, fetch->timeout_ms);
		failed = tls_client_ask(fetch->tls, fd, &out, in, why, size);
	} else {
		failed = answer_send(fd, out.bytes, out.length) != 0 || read_all(fd, in, until) != 0;
		if (failed)
			snprintf(why, size, "%s", errno == EAGAIN || errno == ETIMEDOUT ? late : address_error(errno));
	}
	buffer_free(&out);
	return failed ? -1 : 0;
}

static int dial(const struct fetch *fetch, char *why, size_t size)
{
	int fd = address_connect(fetch->to, 0, fetch->timeout_ms ? fetch->timeout_ms : CONNECT_MS);
	char at[ADDRESS_TEXT];

	address_text(fetch->to, at);
	if (fd >= 0)
		return fd;
	if (errno != ETIMEDOUT)
		snprintf(why, size, "dial tcp %s: connect: %s", at, address_error(errno));
	else if (fetch->timeout_ms)
		snprintf(why, size, "%s", late);
	else
		snprintf(why, size, "dial tcp %s: i/o timeout", at);
	return -1;
}

int fetch(const struct fetch *fetch, struct buffer *body, char *error, size_t size)
{
	int status = -1, fd;
	struct buffer in = { 0 };
	char why[512];

	fd = dial(fetch, why, sizeof why);
	if (fd >= 0 && converse(fetch, fd, &in, why, sizeof why) == 0) {
		status = read_answer(&in, body);
		snprintf(why, sizeof why, "%s", in.length ? "malformed HTTP response" : "EOF");
	}
	if (fd >= 0)
		close(fd);
	buffer_free(&in);
	if (status < 0)
		snprintf(error, size, "%c%c%s \"%s\": %s", fetch->method[0], fetch->method[1] | 0x20,
			 fetch->method[0] == 'G' ? "t" : "st", fetch->url, why);
	return status;
}
