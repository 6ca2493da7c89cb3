/* A TCP connection: HTTP when its first bytes say so, else an echo. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdint.h>

#include "loop.h"

/* Takes over an accepted, non-blocking socket. */
void connection_open(int fd);
/* No new requests: idle connections are closed, the others when they have answered. */
void connection_stop_all(void);
int connection_count(void);
/* Goes on with those whose time has come; the next such time, or 0. */
int64_t connection_check_timers(void);
void connection_release(struct source *source);

#endif
