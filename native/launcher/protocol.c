#include "protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t read_u32(const char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof value);
	return ntohl(value);
}

int fields_valid(const char *bytes, size_t length)
{
	size_t offset = 0;

	while (offset < length) {
		uint32_t size;

		if (length - offset < 5)
			return 0;
		size = read_u32(bytes + offset);
		if (size > length - offset - 5 || bytes[offset + 4 + size] != '\0')
			return 0;
		if (!memchr(bytes + offset + 4, '=', size))
			return 0;
		offset += 5 + (size_t)size;
	}
	return 1;
}

int fields_next(const char *bytes, size_t length, size_t *offset, struct field *field)
{
	uint32_t size;

	if (*offset >= length)
		return 0;
	size = read_u32(bytes + *offset);
	field->key = bytes + *offset + 4;
	field->value = (const char *)memchr(field->key, '=', size) + 1;
	field->key_length = (size_t)(field->value - field->key) - 1;
	field->length = size - field->key_length - 1;
	*offset += 5 + (size_t)size;
	return 1;
}

int field_is(const struct field *field, const char *key)
{
	return strlen(key) == field->key_length && memcmp(field->key, key, field->key_length) == 0;
}

const char *fields_find(const char *bytes, size_t length, const char *key)
{
	size_t offset = 0;
	struct field field;

	while (fields_next(bytes, length, &offset, &field))
		if (field_is(&field, key))
			return field.value;
	return NULL;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
	if (buffer->length + length > buffer->capacity) {
		size_t capacity = (buffer->length + length) * 2;
		char *grown = realloc(buffer->bytes, capacity);

		/* Every buffer is bounded by its user, so this is a machine without memory. */
		if (!grown)
			abort();
		buffer->bytes = grown;
		buffer->capacity = capacity;
	}
	if (length > 0)
		memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
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

size_t frame_begin(struct buffer *buffer)
{
	size_t begun = buffer->length;

	buffer_append(buffer, "\0\0\0\0", 4);
	return begun;
}

void frame_field(struct buffer *buffer, const char *key, const void *value, size_t length)
{
	uint32_t size = htonl((uint32_t)(strlen(key) + 1 + length));

	buffer_append(buffer, &size, sizeof size);
	buffer_append(buffer, key, strlen(key));
	buffer_append(buffer, "=", 1);
	buffer_append(buffer, value, length);
	buffer_append(buffer, "", 1);
}

void frame_text(struct buffer *buffer, const char *key, const char *value)
{
	frame_field(buffer, key, value, strlen(value));
}

void frame_number(struct buffer *buffer, const char *key, long long value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", value);
	frame_text(buffer, key, text);
}

void frame_end(struct buffer *buffer, size_t begun)
{
	uint32_t size = htonl((uint32_t)(buffer->length - begun - 4));

	memcpy(buffer->bytes + begun, &size, sizeof size);
}
