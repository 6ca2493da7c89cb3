/* Answers of the HTTP server. */
#ifndef ANSWER_H
#define ANSWER_H

#include "server.h"

/* All of it; -1 when the other side is gone. */
int answer_send(int fd, const char *bytes, size_t length);
int answer_write(int fd, struct exchange *exchange);
void answer_refuse(int fd, int status);
/* Ends the sending side and reads on for a moment: closing over unread bytes would destroy the answer. */
void answer_linger(int fd);
/* `Not Found` and so on; "" where the status has no name. */
const char *answer_reason(int status);

#endif
