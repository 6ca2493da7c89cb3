/*
 * What the launcher and its clients say to each other over a unix stream socket.
 *
 *   frame:  u32 length, big endian | that many bytes of fields
 *   field:  u32 length, big endian | that many bytes "key=value" | a NUL byte (not counted)
 *
 * Keys may repeat; the order of equal keys is kept. Values may hold any byte. A request has `op` and `req`, a number
 * that its answer repeats; requests are answered in whatever order they finish.
 *
 *   start    id argv… env… (K=V) cgroup [cgroup1…] [netns] [cwd] [log] and, in a sandbox, whose log has CRI's format: sandbox=1 hostname scratch
 *            uid gid group… cap… [readonly=1] [pidns-of], per mount: mount-source mount-target mount-ro=0|1 [mount-within];
 *            [interactive=1]: its input stays open for `input`; [tty=1]: it has a terminal
 *            -> ok=1 pid dropped…
 *   run      as start, and [stdin] timeout-ms   -> ok=1 code stdout stderr
 *   exec     id argv… timeout-ms                -> ok=1 code stdout stderr
 *   session  id in argv… env… [interactive=1] [tty=1]
 *            -> ok=1 pid of a command in the container of process `in`; then, to this client alone,
 *               event=output id stream=1|2 data, and at last event=exit id code. When the client goes, the command has
 *               no input, outputs and terminal any more
 *   input    id [data]                          -> no answer; without data it ends
 *   resize   id rows columns                    -> no answer
 *   signal   id signal                          -> ok=1 sent=0|1
 *   sysctl   netns set… (net.KEY=VALUE)         -> ok=1
 *   list                                        -> ok=1 id…
 *   watch                                       -> ok=1; from now on this client gets exits, kept ones first
 *   seen     seq                                -> no answer; exits up to seq are forgotten
 *   failed:                                     -> ok=0 step errno message
 *   exit, unasked, to watchers: event=exit seq id code [signal]
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 8 << 20 };

struct field {
	const char *key;
	size_t key_length;
	/* NUL-terminated. */
	const char *value;
	size_t length;
};

/* Whether the bytes are well-formed fields. */
int fields_valid(const char *bytes, size_t length);

/* Reads the field at *offset of valid fields and moves on; 0 at the end. */
int fields_next(const char *bytes, size_t length, size_t *offset, struct field *field);

int field_is(const struct field *field, const char *key);

/* The first value of a key, or NULL. */
const char *fields_find(const char *bytes, size_t length, const char *key);

struct buffer {
	char *bytes;
	size_t length;
	size_t capacity;
};

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
/* Forgets the first bytes. */
void buffer_consume(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);

/* A frame is begun, filled with fields, and ended: begin returns what end needs. */
size_t frame_begin(struct buffer *buffer);
void frame_field(struct buffer *buffer, const char *key, const void *value, size_t length);
void frame_text(struct buffer *buffer, const char *key, const char *value);
void frame_number(struct buffer *buffer, const char *key, long long value);
void frame_end(struct buffer *buffer, size_t begun);

#endif
