/* Entering cgroups. */
#ifndef CGROUP_H
#define CGROUP_H

/* Moves this process into a version 2 cgroup, which is made when it is missing. -1 with errno. */
int cgroup_enter(const char *path);

/*
 * Moves this process, which must have one thread, into version 1 cgroups beside; they are there already. NULL, or the one
 * that failed, with errno.
 */
const char *cgroup_enter_version_1(char *const *paths);

#endif
