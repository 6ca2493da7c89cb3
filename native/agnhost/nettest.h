/* nettest: a server among those of a Service, each of which looks for all others and counts who found it. */
#ifndef NETTEST_H
#define NETTEST_H

#include "server.h"

struct nettest {
	const char *service, *namespace;
	int peers;
};

/* A thread: finds the Service's endpoints and posts to each one's /write, in several rounds. */
void *nettest_contact(void *nettest);
/*
 * Reads a JSON object's member that is text, appending it; what the object is in Go names it in errors. -1 with
 * encoding/json's message where it is something else.
 */
int nettest_member(struct slice object, const char *type, const char *name, struct buffer *text, char *why, size_t size);

#endif
