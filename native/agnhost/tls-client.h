/* TLS as a client: who answers must show a certificate that the given authority signed for the name or address. */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include <stddef.h>

#include "../standin/buffer.h"

struct tls_client;

/* A PEM file of authorities, and the host's name or IP address; trusts nobody when there is no such file. */
struct tls_client *tls_client_new(const char *authorities, const char *host);
void tls_client_free(struct tls_client *client);
/* Sends all and reads until the end, on a connection with timeouts; -1 with Go's words for what went wrong. */
int tls_client_ask(struct tls_client *client, int fd, const struct buffer *out, struct buffer *in, char *why, size_t size);

#endif
