#include "buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buffer_reserve(struct buffer *buffer, size_t more)
{
	if (buffer->length + more > buffer->capacity) {
		size_t capacity = buffer->length + more + buffer->capacity;

		buffer->bytes = realloc(buffer->bytes, capacity);
		/* Buffers are bounded, so this is a machine without memory. */
		if (!buffer->bytes)
			abort();
		buffer->capacity = capacity;
	}
	return buffer->bytes + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	memcpy(buffer_reserve(buffer, length), bytes, length);
	buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_number(struct buffer *buffer, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	buffer_text(buffer, text);
}

void buffer_json(struct buffer *buffer, const char *text, size_t length)
{
	buffer_append(buffer, "\"", 1);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		char escaped[8];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			buffer_append(buffer, text + i, 1);
			continue;
		}
		snprintf(escaped, sizeof escaped, "\\u%04x", c);
		buffer_text(buffer, escaped);
	}
	buffer_append(buffer, "\"", 1);
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	buffer->length -= length;
	if (buffer->length == 0)
		buffer_free(buffer);
	else
		memmove(buffer->bytes, buffer->bytes + length, buffer->length);
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	memset(buffer, 0, sizeof *buffer);
}
