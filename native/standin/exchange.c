#include "exchange.h"

#include <sys/socket.h>

#include "identity.h"

static void refuse(struct connection *connection, int status)
{
	connection->request.keep_alive = 0;
	http_write_refusal(&connection->out, status);
	connection->state = ANSWERING;
}

static void begin_json(struct connection *connection)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof address;

	buffer_text(&connection->json, "{");
	identity_write(&connection->json);
	getpeername(connection->source.fd, (struct sockaddr *)&address, &length);
	buffer_text(&connection->json, ",\"client\":");
	address_write(&connection->json, &address);
	length = sizeof address;
	getsockname(connection->source.fd, (struct sockaddr *)&address, &length);
	buffer_text(&connection->json, ",\"server\":");
	address_write(&connection->json, &address);
	http_write_request(&connection->json, &connection->request);
}

void exchange_answer(struct connection *connection)
{
	struct request *request = &connection->request;
	int bodiless = request->is_head || request->status == 204 || request->status == 304;

	request->keep_alive &= !connection_stopping();
	if (request->bytes >= 0) {
		http_write_head(&connection->out, request, "application/octet-stream", (uint64_t)request->bytes);
		connection->filler = bodiless ? 0 : (uint64_t)request->bytes;
	} else {
		buffer_text(&connection->json, ",\"bodyBytes\":");
		buffer_number(&connection->json, connection->body_total);
		buffer_text(&connection->json, "}\n");
		http_write_head(&connection->out, request, "application/json", connection->json.length);
		if (!bodiless)
			buffer_append(&connection->out, connection->json.bytes, connection->json.length);
	}
	buffer_free(&connection->json);
	connection->state = ANSWERING;
}

static void finish_request(struct connection *connection)
{
	if (connection->request.delay_ms == 0)
		return exchange_answer(connection);
	connection->state = DELAYED;
	connection_set_timer(connection, loop_now() + connection->request.delay_ms);
}

int exchange_take_head(struct connection *connection)
{
	size_t length = http_head_length(connection->in.bytes, connection->in.length);
	int refused;

	if (length == 0 && connection->in.length <= HEAD_MAX)
		return 0;
	if (length == 0 || length > HEAD_MAX)
		return refuse(connection, 431), 1;
	refused = http_parse(connection->in.bytes, length, &connection->request);
	if (refused)
		return refuse(connection, refused), 1;
	begin_json(connection);
	connection->body_left = connection->request.content_length;
	connection->body_total = 0;
	connection->chunks = (struct chunks){ 0 };
	connection->state = READING_BODY;
	if (connection->request.expects_continue && (connection->body_left > 0 || connection->request.chunked))
		buffer_text(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
	/* The request's slices point into what is forgotten here; only its numbers are used from now on. */
	buffer_consume(&connection->in, length);
	return 1;
}

static int take_chunks(struct connection *connection)
{
	size_t taken = chunks_take(&connection->chunks, connection->in.bytes, connection->in.length);

	buffer_consume(&connection->in, taken);
	connection->body_total = connection->chunks.total;
	if (connection->chunks.state == CHUNK_BAD)
		return buffer_free(&connection->json), refuse(connection, 400), 1;
	if (connection->chunks.state != CHUNK_DONE)
		return 0;
	finish_request(connection);
	return 1;
}

int exchange_take_body(struct connection *connection)
{
	size_t taken = connection->in.length < connection->body_left ? connection->in.length : (size_t)connection->body_left;

	if (connection->request.chunked)
		return take_chunks(connection);
	buffer_consume(&connection->in, taken);
	connection->body_left -= taken;
	connection->body_total += taken;
	if (connection->body_left > 0)
		return 0;
	finish_request(connection);
	return 1;
}
