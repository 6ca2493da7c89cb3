/* Whether what an agent of this boot put into the kernel is there, and whole. */
#ifndef IN_FORCE_H
#define IN_FORCE_H

#include <stddef.h>

/*
 * By the record that the agent keeps (src/agent/complete-state.ts): the configuration names it, "complete", and the
 * directory of the pins that it is of, "pins". 0 where it does not, or either is gone or another.
 */
int is_in_force(const char *config, size_t length);

#endif
