/* What a process needs before it is spawned: its descriptors, its end of the status pair, its log. */
#ifndef PREPARE_H
#define PREPARE_H

#include "process.h"
#include "spawn.h"

/* NULL, or the step that failed, with errno. What is opened is the process' or the spawn's. */
const char *prepare(struct process *process, struct spawn *spawn, void (*status_ready)(struct source *, uint32_t));
/* Once the child has the descriptors, or there is none. */
void prepare_close(const struct spawn *spawn);

#endif
