#include "http2.h"

#include <string.h>

enum { PREFACE_LENGTH = 24, HEADER_LENGTH = 9, PAYLOAD_MAX = 16384 };
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8,
       CONTINUATION = 9 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { PROTOCOL_ERROR = 1, FRAME_SIZE_ERROR = 6, REFUSED_STREAM = 7, HTTP_1_1_REQUIRED = 13 };

struct frame {
	uint32_t length, stream;
	uint8_t type, flags;
	const char *payload;
};

static uint32_t number(const char *bytes, int length)
{
	uint32_t value = 0;

	for (int i = 0; i < length; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

static void write_frame(struct connection *connection, struct frame frame)
{
	const unsigned char header[HEADER_LENGTH] = {
		(unsigned char)(frame.length >> 16), (unsigned char)(frame.length >> 8), (unsigned char)frame.length,
		frame.type, frame.flags,
		(unsigned char)(frame.stream >> 24), (unsigned char)(frame.stream >> 16),
		(unsigned char)(frame.stream >> 8), (unsigned char)frame.stream,
	};

	buffer_append(&connection->out, header, sizeof header);
	buffer_append(&connection->out, frame.payload, frame.length);
}

/* A frame whose payload is one number. */
static void write_number(struct connection *connection, uint8_t type, uint32_t stream, uint32_t value)
{
	const char payload[4] = { (char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value };

	write_frame(connection, (struct frame){ .type = type, .stream = stream, .length = 4, .payload = payload });
}

/* The connection ends once this is sent. */
static void go_away(struct connection *connection, uint32_t error)
{
	const char payload[8] = { [4] = (char)(error >> 24), (char)(error >> 16), (char)(error >> 8), (char)error };

	write_frame(connection, (struct frame){ .type = GOAWAY, .length = sizeof payload, .payload = payload });
	connection->request.keep_alive = 0;
	connection->state = ANSWERING;
}

/*
 * Header blocks are not decoded: a string in one (RFC 7541, 5.2) is a run of whole bytes, itself or by the one Huffman
 * code there is, and is looked for. That holds where no string is a reference to an earlier block, which a table of
 * no bytes rules out. One stream at a time is all there is to remember.
 */
static const char settings[] = "\0\1\0\0\0\0" /* SETTINGS_HEADER_TABLE_SIZE */
			       "\0\3\0\0\0\1" /* SETTINGS_MAX_CONCURRENT_STREAMS */;

/* The string with its length before it; in the Huffman code, the length's first bit is set. */
static const char check_path[] = "\x1c/grpc.health.v1.Health/Check";
static const char check_path_coded[] = "\x95\x62\x6b\x2b\x22\xf3\x94\x74\x26\x75\xfb\x85\x7c\x65\x1d\x09\x9d\x8b\xd3\x94\x9d\x7f";
/* te: trailers, which every gRPC call has. */
static const char trailers[] = "\x08trailers";
static const char trailers_coded[] = "\x86\x4d\x83\x35\x05\xb1\x1f";

#define HAS(frame, string) (memmem((frame)->payload, (frame)->length, string, sizeof(string) - 1) != NULL)

/* Header fields of answers: :status 200 by its index, content-type by its name's, the others written out. */
static const char answer_head[] = "\x88\x0f\x10\x10"
				  "application/grpc";
static const char status_ok[] = "\0\x0bgrpc-status\x01"
				"0";
static const char unimplemented[] = "\x88\x0f\x10\x10"
				    "application/grpc\0\x0bgrpc-status\x02"
				    "12";
/* Of five bytes and a HealthCheckResponse: field 1, status, is 1, SERVING. */
static const char serving[] = "\0\0\0\0\2\x08\1";

static void write_bytes(struct connection *connection, uint8_t type, uint8_t flags, const char *bytes, uint32_t length)
{
	write_frame(connection, (struct frame){ length, connection->http2.stream, type, flags, bytes });
}

static void answer(struct connection *connection)
{
	if (!connection->http2.is_grpc)
		return go_away(connection, HTTP_1_1_REQUIRED);
	if (connection->http2.is_check) {
		write_bytes(connection, HEADERS, END_HEADERS, answer_head, sizeof answer_head - 1);
		write_bytes(connection, DATA, 0, serving, sizeof serving - 1);
		write_bytes(connection, HEADERS, END_HEADERS | END_STREAM, status_ok, sizeof status_ok - 1);
	} else {
		write_bytes(connection, HEADERS, END_HEADERS | END_STREAM, unimplemented, sizeof unimplemented - 1);
	}
	connection->http2.stream = 0;
}

static void take_headers(struct connection *connection, const struct frame *frame)
{
	if (frame->type == HEADERS && connection->http2.stream != 0 && frame->stream != connection->http2.stream)
		return write_number(connection, RST_STREAM, frame->stream, REFUSED_STREAM);
	if (frame->type == HEADERS && connection->http2.stream == 0)
		connection->http2 = (struct http2){ .stream = frame->stream };
	if (frame->stream != connection->http2.stream)
		return;
	connection->http2.ends |= frame->type == HEADERS && frame->flags & END_STREAM;
	connection->http2.is_grpc |= HAS(frame, trailers) || HAS(frame, trailers_coded);
	connection->http2.is_check |= HAS(frame, check_path) || HAS(frame, check_path_coded);
	if (frame->flags & END_HEADERS && (connection->http2.ends || !connection->http2.is_grpc))
		answer(connection);
}

static void take_data(struct connection *connection, const struct frame *frame)
{
	if (frame->length > 0)
		write_number(connection, WINDOW_UPDATE, 0, frame->length);
	if (frame->stream != connection->http2.stream)
		return;
	if (frame->flags & END_STREAM)
		answer(connection);
	else if (frame->length > 0)
		write_number(connection, WINDOW_UPDATE, frame->stream, frame->length);
}

static void take(struct connection *connection, const struct frame *frame)
{
	switch (frame->type) {
	case HEADERS:
	case CONTINUATION:
		if (frame->stream % 2 == 0)
			return go_away(connection, PROTOCOL_ERROR);
		return take_headers(connection, frame);
	case DATA: return take_data(connection, frame);
	case SETTINGS:
	case PING:
		if (!(frame->flags & ACK))
			write_frame(connection, (struct frame){ .type = frame->type, .flags = ACK, .payload = frame->payload,
								.length = frame->type == PING ? frame->length : 0 });
		return;
	case RST_STREAM:
		if (frame->stream == connection->http2.stream)
			connection->http2.stream = 0;
		return;
	case PUSH_PROMISE: return go_away(connection, PROTOCOL_ERROR);
	default: return;
	}
}

void http2_begin(struct connection *connection)
{
	buffer_consume(&connection->in, PREFACE_LENGTH);
	write_frame(connection, (struct frame){ .type = SETTINGS, .length = sizeof settings - 1, .payload = settings });
	connection->http2 = (struct http2){ 0 };
	connection->state = FRAMING;
}

int http2_take_frame(struct connection *connection)
{
	struct frame frame;

	if (connection->in.length < HEADER_LENGTH)
		return 0;
	frame = (struct frame){
		.length = number(connection->in.bytes, 3),
		.type = (uint8_t)connection->in.bytes[3],
		.flags = (uint8_t)connection->in.bytes[4],
		.stream = number(connection->in.bytes + 5, 4) & 0x7fffffff,
	};
	if (frame.length > PAYLOAD_MAX)
		return go_away(connection, FRAME_SIZE_ERROR), 1;
	if (connection->in.length < HEADER_LENGTH + frame.length)
		return 0;
	frame.payload = connection->in.bytes + HEADER_LENGTH;
	take(connection, &frame);
	buffer_consume(&connection->in, HEADER_LENGTH + frame.length);
	return 1;
}
