/* UDP servers, and the words that netexec's UDP and SCTP servers answer to. */
#ifndef DATAGRAMS_H
#define DATAGRAMS_H

#include <sys/socket.h>

#include "../standin/buffer.h"

/* Appends the answer to what was received; nothing is sent when there is none. */
typedef void responder(struct buffer *answer, const char *text, size_t length, const struct sockaddr_storage *client,
		       void *context);

/* Answers datagrams of the socket in a thread of its own. */
void datagrams_serve(int fd, responder *respond, void *context);
/* Answers the first message of each connection, then closes it. `unasked`: without waiting for one. */
void connections_serve(int fd, responder *respond, void *context, int unasked);
/* hostname, echo TEXT, clientip and serverport, in any case; the context is the port, an int. */
responder respond_to_word;
/* The context, a string, whatever was asked. */
responder respond_with_text;

#endif
