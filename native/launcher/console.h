/* A terminal of the container's own, whose other end is the launcher's. */
#ifndef CONSOLE_H
#define CONSOLE_H

/*
 * In the container, in a session of this process' own: its input, outputs and controlling terminal become a new
 * terminal, which belongs to whoever this process is by now. The other end goes out by the status descriptor. NULL, or
 * the step that failed.
 */
const char *console_take(int status);

#endif
