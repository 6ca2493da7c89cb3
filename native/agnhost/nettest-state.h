/* What a nettest pod knows: whom it reached, who reached it, and what went wrong. Any thread may ask and tell. */
#ifndef NETTEST_STATE_H
#define NETTEST_STATE_H

#include <stddef.h>

#include "../standin/buffer.h"

/* Counts one contact with a host's name, made or taken. */
void state_sent(const struct buffer *hostname);
void state_received(const struct buffer *source);
void state_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Of the log the last 500 lines are kept. */
void state_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* All rounds of contacts are over. */
void state_done(void);

struct progress {
	size_t sent, received;
	int still_contacting;
};

struct progress state_progress(void);
/* The state as json.MarshalIndent writes it. */
void state_write(struct buffer *json);

#endif
