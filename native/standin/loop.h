/* The event loop: descriptors with a function each. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct source {
	int fd;
	void (*ready)(struct source *source, uint32_t events);
	struct source *next_closed;
};

int loop_init(void);
int loop_add(struct source *source, uint32_t events);
void loop_modify(struct source *source, uint32_t events);
/* Closes the descriptor. The structure must live until `release` is called with it, after the current turn. */
void loop_close(struct source *source);
/* Handles what has happened, or waits for it until `deadline_ms` of loop_now (0: no deadline). */
int loop_turn(int64_t deadline_ms, void (*release)(struct source *source));
int64_t loop_now(void);

#endif
