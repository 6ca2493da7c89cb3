#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "../standin/chunks.h"
#include "address.h"
#include "answer.h"
#include "form.h"
#include "tls.h"

/* A pod may have 1024 threads and processes. Kept of one body, and of all that are there at once: what is more is read and forgotten. */
enum { BODY_MAX = 16 << 20, BODIES_MAX = 64 << 20, CONNECTIONS_MAX = 768, READ_SIZE = 16 << 10 };

struct server {
	handler *handle;
	void *context;
	int fd;
	struct tls *tls;
};

struct connection {
	const struct server *server;
	int fd;
	struct sockaddr_storage client, local;
	struct buffer in;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static int connections, answering, finishing;
static size_t bodies;

int thread_start(void *(*function)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 256 << 10);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attributes, function, argument);
	pthread_attr_destroy(&attributes);
	return failed ? -1 : 0;
}

static int receive(struct connection *connection)
{
	ssize_t n = recv(connection->fd, buffer_reserve(&connection->in, READ_SIZE), READ_SIZE, 0);

	if (n > 0)
		connection->in.length += (size_t)n;
	return n > 0 ? 0 : -1;
}

static void keep(struct exchange *exchange, const char *bytes, size_t length)
{
	int room;

	pthread_mutex_lock(&lock);
	room = !exchange->body_cut && exchange->body.length + length <= BODY_MAX && bodies + length <= BODIES_MAX;
	bodies += room ? length : 0;
	pthread_mutex_unlock(&lock);
	if (room)
		buffer_append(&exchange->body, bytes, length);
	exchange->body_cut |= !room;
}

static void forget_body(struct exchange *exchange)
{
	pthread_mutex_lock(&lock);
	bodies -= exchange->body.length;
	pthread_mutex_unlock(&lock);
	buffer_free(&exchange->body);
}

/* The decoder says where chunks end, not which bytes are data: those that count are. */
static int take_chunks(struct connection *connection, struct exchange *exchange)
{
	struct chunks chunks = { 0 };

	for (;;) {
		size_t taken = 0, start = 0;

		while (taken < connection->in.length && chunks.state != CHUNK_DONE && chunks.state != CHUNK_BAD) {
			uint64_t before = chunks.total;

			if (chunks_take(&chunks, connection->in.bytes + taken, 1) == 0)
				break;
			if (chunks.total > before)
				connection->in.bytes[start++] = connection->in.bytes[taken];
			taken++;
		}
		keep(exchange, connection->in.bytes, start);
		buffer_consume(&connection->in, taken);
		if (chunks.state == CHUNK_DONE || chunks.state == CHUNK_BAD)
			return chunks.state == CHUNK_DONE ? 0 : -1;
		if (receive(connection) != 0)
			return -1;
	}
}

static int take_body(struct connection *connection, struct exchange *exchange)
{
	uint64_t left = exchange->request.content_length;

	if (exchange->request.expects_continue && (left > 0 || exchange->request.chunked))
		answer_send(connection->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (exchange->request.chunked)
		return take_chunks(connection, exchange);
	while (left > 0) {
		size_t taken = connection->in.length < left ? connection->in.length : (size_t)left;

		if (taken > 0)
			keep(exchange, connection->in.bytes, taken);
		buffer_consume(&connection->in, taken);
		left -= taken;
		if (left > 0 && receive(connection) != 0)
			return -1;
	}
	return 0;
}

static void count(int by)
{
	pthread_mutex_lock(&lock);
	answering += by;
	pthread_cond_broadcast(&idle);
	pthread_mutex_unlock(&lock);
}

/* The target may be in absolute form, as a proxy gets it. */
static int read_target(struct exchange *exchange)
{
	struct slice target = exchange->request.target;
	const char *question = memchr(target.text, '?', target.length);
	size_t length = question ? (size_t)(question - target.text) : target.length;

	exchange->query = question ? question + 1 : target.text + length;
	if (length > 7 && strncasecmp(target.text, "http://", 7) == 0) {
		const char *slash = memchr(target.text + 7, '/', length - 7);

		length = slash ? length - (size_t)(slash - target.text) : 0;
		target.text = slash ? slash : "";
	}
	exchange->path = malloc(length + 1);
	if (!exchange->path)
		abort();
	memcpy(exchange->path, target.text, length);
	exchange->path[length] = '\0';
	return form_unescape(exchange->path, &length, 0);
}

static int serve(struct connection *connection, char *head, size_t length)
{
	struct exchange exchange = { .status = 200, .type = "text/plain; charset=utf-8" };
	int refused = http_parse(head, length, &exchange.request), again = 0;

	if (refused) {
		answer_refuse(connection->fd, refused);
		return 0;
	}
	exchange.client = connection->client;
	exchange.local = connection->local;
	if (read_target(&exchange) != 0) {
		answer_refuse(connection->fd, 400);
	} else if (take_body(connection, &exchange) == 0) {
		connection->server->handle(&exchange, connection->server->context);
		exchange.close |= !exchange.request.keep_alive || __atomic_load_n(&finishing, __ATOMIC_SEQ_CST);
		again = !exchange.abort && answer_write(connection->fd, &exchange) == 0 && !exchange.close;
	}
	forget_body(&exchange);
	buffer_free(&exchange.headers);
	buffer_free(&exchange.answer);
	free(exchange.path);
	return again;
}

/* Reads a request's head and answers it; 0 when the connection is to end. */
static int turn(struct connection *connection)
{
	size_t length;
	char *head;
	int again;

	while ((length = http_head_length(connection->in.bytes, connection->in.length)) == 0) {
		if (connection->in.length > HEAD_MAX)
			return answer_refuse(connection->fd, 431), 0;
		if (receive(connection) != 0)
			return 0;
	}
	head = malloc(length);
	if (!head)
		abort();
	memcpy(head, connection->in.bytes, length);
	buffer_consume(&connection->in, length);
	count(1);
	again = serve(connection, head, length);
	count(-1);
	free(head);
	return again;
}

/* Before TLS is in between. */
static void take_addresses(struct connection *connection)
{
	socklen_t size = sizeof connection->client;

	getpeername(connection->fd, (struct sockaddr *)&connection->client, &size);
	size = sizeof connection->local;
	getsockname(connection->fd, (struct sockaddr *)&connection->local, &size);
}

static void *converse(void *argument)
{
	struct connection *connection = argument;
	int inner;

	take_addresses(connection);
	inner = connection->server->tls ? tls_accept(connection->server->tls, connection->fd) : connection->fd;
	if (inner >= 0)
		connection->fd = inner;
	while (inner >= 0 && turn(connection))
		;
	answer_linger(connection->fd);
	close(connection->fd);
	buffer_free(&connection->in);
	free(connection);
	__atomic_sub_fetch(&connections, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *accept_all(void *argument)
{
	const struct server *server = argument;

	for (;;) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
		struct connection *connection;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if (fd < 0)
			continue;
		connection = calloc(1, sizeof *connection);
		if (!connection || __atomic_load_n(&connections, __ATOMIC_SEQ_CST) >= CONNECTIONS_MAX ||
		    __atomic_load_n(&finishing, __ATOMIC_SEQ_CST)) {
			close(fd);
			free(connection);
			continue;
		}
		*connection = (struct connection){ .server = server, .fd = fd };
		__atomic_add_fetch(&connections, 1, __ATOMIC_SEQ_CST);
		if (thread_start(converse, connection) == 0)
			continue;
		/* The pod has as many threads as it may. */
		__atomic_sub_fetch(&connections, 1, __ATOMIC_SEQ_CST);
		close(fd);
		free(connection);
	}
	return NULL;
}

int server_start(int port, handler *handle, void *context, struct tls *tls)
{
	struct server *server = malloc(sizeof *server);

	if (!server)
		abort();
	*server = (struct server){ handle, context, address_listen(SOCK_STREAM, 0, port), tls };
	if (server->fd < 0)
		return -1;
	return thread_start(accept_all, server);
}

void server_finish(int64_t timeout_ms, int code)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	__atomic_store_n(&finishing, 1, __ATOMIC_SEQ_CST);
	while (answering > 0 && pthread_cond_timedwait(&idle, &lock, &until) == 0)
		;
	_exit(code);
}
