/* A connected UDP socket, and Go's text of what went wrong on it. */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

int64_t wire_now(void);
int wire_udp(const struct sockaddr_storage *to);
/* `read udp A->B: i/o timeout` or `read udp A->B: read: connection refused`. Returns `text`. */
char *wire_error(int fd, const char *call, int error, char *text, size_t size);

#endif
