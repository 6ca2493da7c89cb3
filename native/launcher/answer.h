/* What clients are told. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdint.h>

#include "process.h"

void answer_started(const struct process *process);
void answer_run(const struct process *process, int code);
void answer_output(const struct process *process, int stream, const char *bytes, size_t length);
void answer_session_exit(const struct process *process, int code);
void answer_failure(uint64_t client, const char *request, const struct status *status);

/* Exits are kept until a watcher has said that it has seen them. */
void answer_exit(const char *id, int code);
/* Sends a new watcher the kept exits. */
void answer_kept_exits(uint64_t client);
void answer_seen(uint64_t sequence);

#endif
