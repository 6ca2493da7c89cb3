/* Connections to the launcher's socket. A client is known by a number, which outlives it: answers to gone ones fall. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdint.h>

#include "protocol.h"

/* Listens; -1 with errno. */
int client_listen(const char *path);
void client_send(uint64_t client, const struct buffer *frames);
void client_send_watchers(const struct buffer *frames);
void client_watch(uint64_t client);
/* Whether it is behind with reading; process_resume says when it no longer is. */
int client_is_behind(uint64_t client);
/* Stops or goes on reading what it sends. */
void client_hold(uint64_t client, int hold);

#endif
