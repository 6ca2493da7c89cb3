/* A process to start, as a request describes it. */
#ifndef SPEC_H
#define SPEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct volume {
	const char *source;
	const char *target;
	/* The resolved source must lie below this directory; NULL: anywhere. */
	const char *within;
	int read_only;
};

/* Who a process is once it is confined. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	/* Bit per capability number. */
	uint64_t capabilities;
};

struct spec {
	/* The request's fields; every string points into them. The stage inside the sandbox reads them again. */
	char *bytes;
	size_t length;
	const char *id;
	char **argv;
	char **env;
	const char *cgroup;
	/* To be in besides, of version 1's hierarchies; NULL-terminated, or NULL. */
	char **cgroups_1;
	const char *netns;
	const char *cwd;
	const char *log;
	const char *input;
	size_t input_length;
	long timeout_ms;
	/* Its input can be written to while it runs; it has a terminal. */
	int interactive, terminal;

	int sandbox;
	const char *hostname;
	const char *scratch;
	const char *pidns_of;
	int read_only_root;
	struct volume *volumes;
	size_t volume_count;
	struct identity identity;
	/* Names of the capabilities that were asked for and refused; NULL-terminated. */
	char **refused;
};

/* Copies the fields and reads them; NULL with *problem set when a field is missing or wrong. */
struct spec *spec_parse(const char *bytes, size_t length, const char **problem);
void spec_free(struct spec *spec);

#endif
