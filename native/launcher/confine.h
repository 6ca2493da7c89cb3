/* Taking on a container's identity: user, groups, capabilities, system call filter. One way only. */
#ifndef CONFINE_H
#define CONFINE_H

#include "spec.h"

/*
 * Drops to the identity: bounding set, groups, user, capability sets, no_new_privs. A user other than root has
 * no capability left after its next exec, as in Kubernetes; its bounding set keeps them. NULL, or the failed step.
 */
const char *confine(const struct identity *identity);

/* Executes a program found by the PATH of its environment; returns only on failure, with errno as a shell has it. */
void exec_in_path(char *const *argv, char *const *env);

/* Signal handlers and mask as a fresh program expects them, a session of its own unless `keep_session`. */
void become_plain(int keep_session);

#endif
