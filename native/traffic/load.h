/*
 * The three kinds of traffic. Each has targets, begins what is due, gives up what took too long and counts what is under
 * way; `_ready` tells whether all of it has worked once.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>

struct source;

/* Connections that connect, exchange one byte and are closed by the server. */
void connects_rate(int per_second);
int connects_target(const char *text);
void connects_tick(int64_t now, int ending);
int connects_open(void);
int connects_ready(void);

/* Questions, each from a port of its own, asked once; `-`: the first server of /etc/resolv.conf. */
void queries_rate(int per_second);
int queries_server(const char *text);
/* A `*` in it is another number each time. Its A and AAAA take turns. */
int queries_name(const char *name);
void queries_tick(int64_t now, int ending);
int queries_open(void);
int queries_ready(void);

/* Connections that send a byte every 50 ms, each of which comes back. */
int kept_target(const char *text);
void kept_tick(int64_t now, int ending);
int kept_open(void);
int kept_ready(void);
/* Theirs stay when they are closed. */
int kept_owns(const struct source *source);

/* Reads the arguments and runs until it is to end; the exit status. */
int load_run(char **arguments);

#endif
