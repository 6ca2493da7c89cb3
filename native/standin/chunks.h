/* The chunked transfer coding (RFC 9112, 7.1): finds where a request's body ends. */
#ifndef CHUNKS_H
#define CHUNKS_H

#include <stddef.h>
#include <stdint.h>

struct chunks {
	enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_DONE, CHUNK_BAD } state;
	/* Of the chunk that is being read. */
	uint64_t left;
	int digits;
	/* Of the trailer line that is being read. */
	size_t line;
	/* Bytes of data so far. */
	uint64_t total;
};

/* Takes bytes until the body ends; how many belonged to it. Ends in CHUNK_DONE or CHUNK_BAD. */
size_t chunks_take(struct chunks *chunks, const char *bytes, size_t length);

#endif
