/* What netexec answers over HTTP. */
#ifndef NETEXEC_H
#define NETEXEC_H

#include "server.h"

extern int netexec_port;
/* Since a UDP or SCTP server runs; since SIGTERM. */
extern int netexec_ready, netexec_terminating;

void netexec_root(struct exchange *exchange);
void netexec_clientip(struct exchange *exchange);
void netexec_serverport(struct exchange *exchange);
void netexec_header(struct exchange *exchange);
void netexec_dial(struct exchange *exchange);
void netexec_echo(struct exchange *exchange);
void netexec_exit(struct exchange *exchange);
void netexec_healthz(struct exchange *exchange);
void netexec_readyz(struct exchange *exchange);
void netexec_hostname(struct exchange *exchange);
void netexec_redirect(struct exchange *exchange);
void netexec_shell(struct exchange *exchange);
void netexec_upload(struct exchange *exchange);
void netexec_shutdown(struct exchange *exchange);

#endif
