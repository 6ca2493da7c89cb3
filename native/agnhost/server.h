/*
 * An HTTP/1.x server with a thread per connection, as handlers here may block: they dial others, run commands, sleep.
 * A slow client holds its own thread only.
 */
#ifndef SERVER_H
#define SERVER_H

#include <sys/socket.h>

#include "../standin/buffer.h"
#include "../standin/http.h"

struct exchange {
	struct request request;
	/* Decoded, without the query. */
	char *path;
	/* Without its question mark; points into the target. */
	const char *query;
	struct buffer body;
	/* More was sent than is kept. */
	int body_cut;
	struct sockaddr_storage client, local;

	int status;
	/* Text; a handler may set another. */
	const char *type;
	/* Header lines of the answer, each with its end. */
	struct buffer headers, answer;
	/* Closes the connection after the answer. */
	int close;
	/* Closes it without an answer, as a handler that fails does. */
	int abort;
};

typedef void handler(struct exchange *exchange, void *context);

struct tls;

/* Serves a port in threads of its own, by TLS unless that is NULL; -1 with errno when it cannot be listened on. */
int server_start(int port, handler *handle, void *context, struct tls *tls);
/* Stops accepting, waits until no request is being answered or so long, then exits. */
void server_finish(int64_t timeout_ms, int code) __attribute__((noreturn));

void answer_text(struct exchange *exchange, const char *text);
void answer_error(struct exchange *exchange, int status, const char *text);
/* A header's value of the request, or a zero slice. */
struct slice request_header(const struct exchange *exchange, const char *name);
/* A parameter of the body's form, else of the query, on the heap; "" when there is none. */
char *request_value(const struct exchange *exchange, const char *name);
/* What the request's query alone says. */
char *request_query(const struct exchange *exchange, const char *name);

/* Runs a function in a thread that nobody waits for; -1 where there can be no more. */
int thread_start(void *(*function)(void *), void *argument);

#endif
