#include "connection.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exchange.h"
#include "http2.h"

/* Bytes taken per read, and so the most an echo holds. */
enum { READ_MAX = 16 << 10, FILLER_MAX = 16 << 10 };
/* A client that has sent a part of a method's name and waits is no HTTP client. */
enum { SNIFF_MS = 100, DRAIN_MS = 1000, DRAIN_MAX = 1 << 20 };

static struct connection *connections;
static int count, timers, stopping;

int connection_count(void)
{
	return count;
}

int connection_stopping(void)
{
	return stopping;
}

void connection_set_timer(struct connection *connection, int64_t at)
{
	timers += (at != 0) - (connection->timer != 0);
	connection->timer = at;
}

static void end(struct connection *connection)
{
	if (connection->source.fd < 0)
		return;
	connection_set_timer(connection, 0);
	loop_close(&connection->source);
	count--;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
}

void connection_release(struct source *source)
{
	struct connection *connection = (struct connection *)source;

	buffer_free(&connection->in);
	buffer_free(&connection->out);
	buffer_free(&connection->json);
	free(connection);
}

/* Closing with unread bytes resets the connection and may destroy the answer on its way: read on for a while. */
static void drain(struct connection *connection)
{
	connection->state = DRAINING;
	buffer_free(&connection->in);
	connection->body_total = 0;
	shutdown(connection->source.fd, SHUT_WR);
	connection_set_timer(connection, loop_now() + DRAIN_MS);
}

static int sniff(struct connection *connection)
{
	enum sniffed sniffed = http_sniff(connection->in.bytes, connection->in.length);
	int late = connection->ended || (connection->timer != 0 && connection->timer <= loop_now());

	if (sniffed == SNIFF_MORE && !late) {
		if (connection->timer == 0)
			connection_set_timer(connection, loop_now() + SNIFF_MS);
		return 0;
	}
	connection_set_timer(connection, 0);
	if (sniffed == SNIFF_HTTP2)
		http2_begin(connection);
	else
		connection->state = sniffed == SNIFF_HTTP ? READING_HEAD : ECHOING;
	return 1;
}

static int echo(struct connection *connection)
{
	if (connection->in.length == 0)
		return 0;
	buffer_append(&connection->out, connection->in.bytes, connection->in.length);
	buffer_free(&connection->in);
	return 1;
}

/* Goes one step on with what has come in; 0 when it needs more. */
static int step(struct connection *connection)
{
	switch (connection->state) {
	case SNIFFING: return connection->in.length > 0 && sniff(connection);
	case ECHOING: return echo(connection);
	case READING_HEAD: return connection->in.length > 0 && exchange_take_head(connection);
	case READING_BODY: return exchange_take_body(connection);
	case FRAMING: return http2_take_frame(connection);
	case ANSWERING:
		if (connection->request.keep_alive)
			return connection->state = READING_HEAD, 1;
		drain(connection);
		return 0;
	default: return 0;
	}
}

static int sending(const struct connection *connection)
{
	return connection->out.length > 0 || connection->filler > 0;
}

static void fill(struct connection *connection)
{
	size_t length = connection->filler < FILLER_MAX ? (size_t)connection->filler : FILLER_MAX;

	memset(buffer_reserve(&connection->out, length), 'x', length);
	connection->out.length += length;
	connection->filler -= length;
}

/* Sends what can be sent; -1 when the other side is gone. */
static int flush(struct connection *connection)
{
	while (sending(connection)) {
		ssize_t n;

		if (connection->out.length == 0)
			fill(connection);
		n = send(connection->source.fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		buffer_consume(&connection->out, (size_t)n);
	}
	return 0;
}

static int idle(const struct connection *connection)
{
	return connection->in.length == 0 && !sending(connection) &&
	       (connection->state == SNIFFING || connection->state == ECHOING || connection->state == READING_HEAD ||
		(connection->state == FRAMING && connection->http2.stream == 0));
}

/* Works until it has to wait: for the other side to send, to take, or for time. */
static void advance(struct connection *connection)
{
	uint32_t events;

	do {
		if (flush(connection) != 0)
			return end(connection);
	} while (!sending(connection) && step(connection));
	if (stopping && idle(connection))
		return end(connection);
	/* The other side sends no more: nothing that waits for bytes can go on. */
	if (connection->ended && !sending(connection) && connection->state != DELAYED)
		return end(connection);
	events = sending(connection) ? EPOLLOUT : connection->state == DELAYED || connection->ended ? 0 : EPOLLIN;
	loop_modify(&connection->source, events);
}

static void read_some(struct connection *connection)
{
	char *room = buffer_reserve(&connection->in, READ_MAX);
	ssize_t n = recv(connection->source.fd, room, READ_MAX, 0);

	if (n > 0)
		connection->in.length += (size_t)n;
	else if (n == 0)
		connection->ended = 1;
	if (connection->in.length == 0)
		buffer_free(&connection->in);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return end(connection);
	if (connection->state == DRAINING) {
		connection->body_total += connection->in.length;
		buffer_free(&connection->in);
		if (connection->body_total > DRAIN_MAX)
			return end(connection);
	}
	advance(connection);
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = (struct connection *)source;

	if (events & EPOLLIN)
		read_some(connection);
	else if (events & (EPOLLERR | EPOLLHUP))
		end(connection);
	else
		advance(connection);
}

void connection_open(int fd)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection) {
		close(fd);
		return;
	}
	connection->source = (struct source){ .fd = fd, .ready = connection_ready };
	connection->next = connections;
	if (connections)
		connections->previous = connection;
	connections = connection;
	count++;
	if (loop_add(&connection->source, EPOLLIN) != 0)
		end(connection);
}

int64_t connection_check_timers(void)
{
	int64_t next = 0, now = loop_now();

	/* Few connections have one, and most of the time none. */
	for (struct connection *connection = timers > 0 ? connections : NULL, *following; connection; connection = following) {
		following = connection->next;
		if (connection->timer == 0)
			continue;
		if (connection->timer > now) {
			next = next == 0 || connection->timer < next ? connection->timer : next;
		} else if (connection->state == DRAINING) {
			end(connection);
		} else if (connection->state == DELAYED) {
			connection_set_timer(connection, 0);
			exchange_answer(connection);
			advance(connection);
		} else {
			advance(connection);
		}
	}
	return next;
}

void connection_stop_all(void)
{
	stopping = 1;
	for (struct connection *connection = connections, *following; connection; connection = following) {
		following = connection->next;
		if (idle(connection))
			end(connection);
	}
}
