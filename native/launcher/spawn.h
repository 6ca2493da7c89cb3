/* From a spec to a child: born in its cgroup, then its namespaces, its descriptors, its program. */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

#include "spec.h"

struct spawn {
	const struct spec *spec;
	/* Instead of a program: what the child does, on its way out. 0, or -1 with errno and *detail. */
	int (*task)(const struct spec *spec, char *detail);
	/* Runs in the container of this process (pidfd) instead of in one of its own; -1: not. */
	int join;
	/* PID namespace to join, or -1. */
	int pidns;
	/* stdin, stdout, stderr; -1: stdin is /dev/null, the others the spec's log, unless it is a container's. */
	int standard[3];
	/* The sending end of the status pair. */
	int status;
	int diagnostics;
};

/* What spawning needs to know of the machine; set once. */
struct spawn_context {
	const char *image;
	/* Where the lab keeps its network namespaces, a mount of its own. */
	const char *netns_directory;
	/* The sealed copy of this program. */
	int program;
	/* All cgroups lie below this directory. */
	const char *cgroup_root;
};

/* For appending; /dev/null where there is none. -1 with errno. */
int open_log(const char *path);

extern struct spawn_context spawn_context;

/* The child's pid and pidfd; -1 with errno and the failed step. */
pid_t spawn(const struct spawn *spawn, int *pidfd, const char **step);

#endif
