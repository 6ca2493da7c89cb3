/* An HTTP/1.1 client: one request over a connection of its own, and the whole answer. */
#ifndef FETCH_H
#define FETCH_H

#include <stdint.h>
#include <sys/socket.h>

#include "../standin/buffer.h"

struct fetch {
	const struct sockaddr_storage *to;
	const char *method;
	/* Where and what, as Go's errors name it: `http://10.0.0.1:80/path`. */
	const char *url;
	/* The path with its query, escaped; further header lines, each with its end; the body. */
	const char *target, *headers, *body;
	/* Trusts who signed the server's certificate; NULL is plain HTTP. */
	struct tls_client *tls;
	/* In milliseconds; 0 waits for as long as it takes, and 30 s for the connection. */
	int64_t timeout_ms;
};

enum { FETCH_MAX = 16 << 20 };

/* The status, with the body appended; -1 with Go's message of at most `size` bytes: `Get "http://…": EOF`. */
int fetch(const struct fetch *fetch, struct buffer *body, char *error, size_t size);

#endif
