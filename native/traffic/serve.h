/* Whom traffic is sent to. Both serve until SIGTERM. */
#ifndef SERVE_H
#define SERVE_H

/* TCP ports, both families: `x` is answered and the connection closed, any other byte is answered. */
int serve_run(char **ports);
/* A DNS server at `1.2.3.4:53` and others, which has an address of each family for every name of
 * several labels, and knows no other. */
int names_run(char **addresses);

#endif
