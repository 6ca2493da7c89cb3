/* Addresses as Go writes and resolves them: `10.0.0.1:80`, `[fd00::1]:80`; IPv4 before IPv6. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 64, ADDRESSES_MAX = 16 };

/* An IPv4 address within an IPv6 one is written as IPv4. Returns `text`, of ADDRESS_TEXT bytes. */
char *address_text(const struct sockaddr_storage *address, char *text);
socklen_t address_length(const struct sockaddr_storage *address);
/* Cuts `host:port` in place; a message of what is wrong, else NULL. */
const char *address_split(char *text, char **host, char **port);
/* Resolves both, into at most ADDRESSES_MAX. How many, or 0 with a message of at most `size` bytes in `why`. */
int address_resolve(const char *host, const char *port, struct sockaddr_storage *found, char *why, size_t size);

/* A stream to the address within `timeout_ms` (0: the kernel's own); its descriptor, or -1 with errno (ETIMEDOUT). */
int address_connect(const struct sockaddr_storage *address, int protocol, int64_t timeout_ms);
/* A socket that listens on the port of every address, of both families where the machine has both; -1 with errno. */
int address_listen(int type, int protocol, int port);
void address_timeout(int fd, int64_t timeout_ms);
/* Go's name for what errno says. */
const char *address_error(int error);

#endif
