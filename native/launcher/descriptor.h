/* A message with a descriptor, over a unix socket that keeps messages apart. */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/* `fd` -1: none goes along. 0, or -1 with errno. */
int descriptor_send(int socket, const void *message, size_t length, int fd);
/*
 * The message's length, 0 at the end, -1 with errno. *fd is -1 where none came, else the caller's. *sender (may be NULL)
 * is set where the socket has SO_PASSCRED.
 */
ssize_t descriptor_receive(int socket, void *message, size_t length, int *fd, pid_t *sender);

#endif
