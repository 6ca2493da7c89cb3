#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capability.h"

static int set_capabilities(uint64_t set)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)set, .permitted = (uint32_t)set },
		{ .effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

static int drop_bounding(uint64_t keep)
{
	for (int i = 0; i <= CAPABILITY_LAST; i++) {
		/* Numbers the kernel does not know are refused here, and need not be dropped. */
		if (!(keep & (1ULL << i)) && prctl(PR_CAPBSET_READ, i) == 1 && prctl(PR_CAPBSET_DROP, i) != 0)
			return -1;
	}
	return 0;
}

const char *confine(const struct identity *identity)
{
	struct rlimit no_core = { 0, 0 };

	/* Until exec nobody who shares the user may look into this process: it still holds descriptors of the machine. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return "prctl";
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return "rlimit";
	if (drop_bounding(identity->capabilities) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return "capabilities";
	if (setgroups(identity->group_count, identity->groups) != 0)
		return "groups";
	if (setresgid(identity->gid, identity->gid, identity->gid) != 0)
		return "gid";
	if (setresuid(identity->uid, identity->uid, identity->uid) != 0)
		return "uid";
	/* A change of user that leaves the old one's rights to /proc is undone by the kernel; this is for root. */
	if (set_capabilities(identity->uid == 0 ? identity->capabilities : 0) != 0)
		return "capabilities";
	return prctl(PR_SET_DUMPABLE, 0) == 0 ? NULL : "prctl";
}

static const char *find_path(char *const *env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

void exec_in_path(char *const *argv, char *const *env)
{
	const char *path = find_path(env);
	int error = ENOENT;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		return;
	}
	while (*path) {
		size_t length = strcspn(path, ":");
		char file[PATH_MAX];

		if (snprintf(file, sizeof file, "%.*s/%s", (int)length, path, argv[0]) < (int)sizeof file)
			execve(file, argv, env);
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		path += length;
		path += *path == ':';
	}
	errno = error;
}

void become_plain(int keep_session)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!keep_session)
		setsid();
	umask(022);
}
