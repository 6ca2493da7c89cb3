/* The event loop: descriptors with a function each, and one clock for deadlines. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct source {
	int fd;
	void (*ready)(struct source *source, uint32_t events);
};

/* The structure that a source is part of. */
#define owner_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

int loop_init(void);
int loop_add(struct source *source, uint32_t events);
void loop_modify(struct source *source, uint32_t events);
/* Forgets the descriptor, until it is added again. */
void loop_remove(struct source *source);
/* Closes the descriptor; a source without one (fd -1) is left alone. */
void loop_close(struct source *source);
/* Handles one event, or none until `deadline_ms` of loop_now (0: no deadline). -1 with errno when it cannot wait. */
int loop_turn(int64_t deadline_ms);
/* Milliseconds of the monotonic clock. */
int64_t loop_now(void);

#endif
