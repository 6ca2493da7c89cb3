/* What a stream's bytes become in a log of CRI's format. */
#ifndef LOG_ENTRY_H
#define LOG_ENTRY_H

#include <stddef.h>

/* A longer line is split, as containerd splits it. */
enum { LINE_MAX_BYTES = 16 << 10 };

/* Where entries go. */
struct log_sink {
	void (*write)(struct log_sink *sink, const char *bytes, size_t length);
};

/*
 * Takes the whole lines of `bytes`, and of what follows the last one whatever is too long to wait for its end; all with
 * `rest`. The entries go to the sink by few writes, none of which ends amid an entry. Returns how many bytes were taken.
 */
size_t log_entries(struct log_sink *sink, const char *stream, const char *bytes, size_t length, int rest);

#endif
