/* The ports a stand-in listens on, for IPv4 and IPv6 alike. */
#ifndef LISTENER_H
#define LISTENER_H

#include "loop.h"

/* Opens a port, where it is not open yet; -1 with a message on stderr. */
int listener_tcp(int port);
int listener_udp(int port);
void listener_stop_all(void);

#endif
