/*
 * Handing a container over to bubblewrap. Before: the mount namespace and the root (root.h). Bubblewrap makes the
 * PID, UTS, IPC and cgroup namespaces, /proc, changes the root for good and drops capabilities. After it, inside,
 * runs the stage: this program again, from a sealed copy in memory, which takes on the container's identity
 * and executes its command, and so is its PID 1.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "spec.h"

/* Descriptors at which bubblewrap and the stage find what they need. */
enum sandbox_fd { FD_SPEC = 3, FD_STATUS, FD_STDIN, FD_STDOUT, FD_STDERR, FD_PROGRAM, FD_PIDNS, FD_END };

struct sandbox_files {
	int program;
	int status;
	int standard[3];
	/* PID namespace to join, or -1. */
	int pidns;
	/* Bubblewrap's own messages. */
	int diagnostics;
	/* Directory of the base image. */
	const char *image;
	const char *netns_directory;
};

/* A sealed copy of this program in memory: what a container may reach by /proc cannot be written. -1 with errno. */
int sandbox_program(void);

/* Never returns: reports what fails on the status descriptor. The network namespace is already the container's. */
_Noreturn void sandbox_enter(const struct spec *spec, const struct sandbox_files *files);

/* The stage; `main` of the program's copy inside. */
int stage_main(void);

#endif
