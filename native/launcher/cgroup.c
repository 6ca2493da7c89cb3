#include "cgroup.h"

#include <stdio.h>

#include "files.h"

static int write_own_number(const char *cgroup, const char *file)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", cgroup, file);
	return write_file(path, "0");
}

int cgroup_enter(const char *path)
{
	return make_directories(path, 0755) != 0 ? -1 : write_own_number(path, "cgroup.procs");
}

/* A thread that moves itself waits for nobody (20 µs); a whole process takes the lock that waits for every processor. */
const char *cgroup_enter_version_1(char *const *paths)
{
	for (; paths && *paths; paths++)
		if (write_own_number(*paths, "tasks") != 0)
			return *paths;
	return NULL;
}
