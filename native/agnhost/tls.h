/* TLS in front of a server: it is ended here, and the server reads and writes a socket of this process. */
#ifndef TLS_H
#define TLS_H

#include <stddef.h>

struct tls;

/* A server's certificate and key, PEM files; NULL with *problem, in Go's words where it is a file that cannot be opened. */
struct tls *tls_load(const char *certificate, const char *key, char *problem, size_t size);
/* A certificate for localhost, as the image brings one along. */
struct tls *tls_built_in(void);
/* What the server reads and writes in place of the connection, which is the relay's from here on; -1: neither is. */
int tls_accept(struct tls *tls, int connection);

#endif
