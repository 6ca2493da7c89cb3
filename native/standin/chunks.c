#include "chunks.h"

#include <ctype.h>

enum { TRAILER_MAX = 8192 };

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_size(struct chunks *chunks, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0 && ++chunks->digits <= 12)
		chunks->left = chunks->left * 16 + (uint64_t)digit;
	else if (digit >= 0 || chunks->digits == 0)
		chunks->state = CHUNK_BAD;
	else if (c == ';' || c == ' ' || c == '\t' || c == '\r')
		chunks->state = CHUNK_EXTENSION;
	else
		chunks->state = c == '\n' ? CHUNK_EXTENSION : CHUNK_BAD;
	/* The line feed itself ends the line, whatever came before. */
	if (chunks->state == CHUNK_EXTENSION && c == '\n')
		chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
}

static void take_extension(struct chunks *chunks, char c)
{
	if (++chunks->line > TRAILER_MAX)
		chunks->state = CHUNK_BAD;
	else if (c == '\n')
		chunks->state = chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER, chunks->line = 0;
}

static void take_data_end(struct chunks *chunks, char c)
{
	if (c == '\n')
		chunks->state = CHUNK_SIZE, chunks->digits = 0, chunks->left = 0;
	else if (c != '\r')
		chunks->state = CHUNK_BAD;
}

static void take_trailer(struct chunks *chunks, char c)
{
	if (c == '\n' && chunks->line == 0)
		chunks->state = CHUNK_DONE;
	else if (c == '\n')
		chunks->line = 0;
	else if (c != '\r' && ++chunks->line > TRAILER_MAX)
		chunks->state = CHUNK_BAD;
}

static size_t take_data(struct chunks *chunks, size_t length)
{
	size_t taken = length < chunks->left ? length : (size_t)chunks->left;

	chunks->left -= taken;
	chunks->total += taken;
	if (chunks->left == 0)
		chunks->state = CHUNK_DATA_END;
	return taken;
}

size_t chunks_take(struct chunks *chunks, const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length && chunks->state != CHUNK_DONE && chunks->state != CHUNK_BAD) {
		if (chunks->state == CHUNK_DATA) {
			at += take_data(chunks, length - at);
			continue;
		}
		switch (chunks->state) {
		case CHUNK_SIZE: take_size(chunks, bytes[at]); break;
		case CHUNK_EXTENSION: take_extension(chunks, bytes[at]); break;
		case CHUNK_DATA_END: take_data_end(chunks, bytes[at]); break;
		default: take_trailer(chunks, bytes[at]); break;
		}
		at++;
	}
	return at;
}
