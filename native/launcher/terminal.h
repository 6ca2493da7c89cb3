/* A terminal for a command that must not have the caller's. */
#ifndef TERMINAL_H
#define TERMINAL_H

/* Whether the caller sits at one: input and output both. */
int terminal_is_callers(void);

/*
 * Splits the process. The child goes on, in a session of its own, with a new terminal of the same size and settings as
 * its input and outputs: 0. The parent keeps the caller's, made raw, and relays until the child has ended: its exit
 * status as shells give it goes to *status, the caller's terminal is as before: 1. What the child left behind then
 * has a terminal that nobody sits at. -1 with errno where it cannot be done.
 */
int terminal_split(int *status);

#endif
