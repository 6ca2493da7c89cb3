/* One request and its answer on a connection: what lies between the bytes that come in and those that go out. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdint.h>

#include "buffer.h"
#include "chunks.h"
#include "http.h"
#include "loop.h"

enum state { SNIFFING, ECHOING, READING_HEAD, READING_BODY, DELAYED, ANSWERING, DRAINING, FRAMING };

/* The stream of HTTP/2 that is open; 0: none. */
struct http2 {
	uint32_t stream;
	int ends, is_grpc, is_check;
};

struct connection {
	struct source source;
	struct connection *next, *previous;
	enum state state;
	/* Of loop_now; 0: none. */
	int64_t timer;
	int ended;
	struct buffer in, out;
	/* The answer's JSON, still open, while the body comes in. */
	struct buffer json;
	struct request request;
	struct chunks chunks;
	struct http2 http2;
	uint64_t body_left, body_total;
	/* Filler bytes that follow `out`. */
	uint64_t filler;
};

/* Each goes one step on with what has come in; 0 when it needs more bytes. */
int exchange_take_head(struct connection *connection);
int exchange_take_body(struct connection *connection);
/* Puts the answer to the request that is read into `out`. */
void exchange_answer(struct connection *connection);

/* connection.c's; `at` is of loop_now, 0: none. */
void connection_set_timer(struct connection *connection, int64_t at);
int connection_stopping(void);

#endif
