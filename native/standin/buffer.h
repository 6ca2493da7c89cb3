/* Bytes with a bound; an empty one takes no memory, so that idle connections cost little. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *bytes;
	size_t length;
	size_t capacity;
};

/* Makes room for `more` bytes after what is there. The bound is the caller's to keep. */
char *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_number(struct buffer *buffer, uint64_t number);
/* Writes a JSON string with its quotes; bytes above 0x7f are taken for Latin-1, as HTTP's headers are. */
void buffer_json(struct buffer *buffer, const char *text, size_t length);
/* Forgets the first bytes. */
void buffer_consume(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);

#endif
