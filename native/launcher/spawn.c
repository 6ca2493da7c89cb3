#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "confine.h"
#include "container.h"
#include "files.h"
#include "sandbox.h"
#include "status.h"

struct spawn_context spawn_context;

static int open_cgroup(const char *path)
{
	size_t root = strlen(spawn_context.cgroup_root);

	errno = EPERM;
	if (strncmp(path, spawn_context.cgroup_root, root) != 0 || (path[root] && path[root] != '/') || strstr(path, ".."))
		return -1;
	if (make_directories(path, 0755) != 0)
		return -1;
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int open_log(const char *path)
{
	return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static void enter_cgroups(const struct spawn *spawn)
{
	const char *failed = cgroup_enter_version_1(spawn->spec->cgroups_1);

	if (failed)
		status_fail(spawn->status, "cgroup", failed);
}

static void enter_network(const struct spawn *spawn)
{
	const char *path = spawn->spec->netns;
	int fd;

	if (!path)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		status_fail(spawn->status, "netns", path);
	close(fd);
}

/* Fills in what the spawn leaves open, a container's with nothing (log.h); the log's path is the machine's, so before any namespace is entered. */
static void open_standard(const struct spawn *spawn, int standard[3])
{
	int log = -1;

	memcpy(standard, spawn->standard, 3 * sizeof *standard);
	if (standard[0] < 0)
		standard[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (standard[1] < 0 || standard[2] < 0)
		log = open_log(spawn->spec->sandbox ? NULL : spawn->spec->log);
	for (int i = 1; i < 3; i++)
		if (standard[i] < 0)
			standard[i] = log;
	if (standard[0] < 0 || standard[1] < 0 || standard[2] < 0)
		status_fail(spawn->status, "log", spawn->spec->log);
}

static void use_standard(const struct spawn *spawn, const int standard[3])
{
	int kept[3];

	for (int i = 0; i < 3; i++)
		if ((kept[i] = fcntl(standard[i], F_DUPFD_CLOEXEC, 3)) < 0)
			status_fail(spawn->status, "descriptors", NULL);
	for (int i = 0; i < 3; i++)
		if (dup2(kept[i], i) < 0)
			status_fail(spawn->status, "descriptors", NULL);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

static _Noreturn void run_task(const struct spawn *spawn)
{
	char detail[256] = "";

	enter_network(spawn);
	if (spawn->task(spawn->spec, detail) != 0)
		status_fail(spawn->status, "sysctl", detail);
	_exit(0);
}

static _Noreturn void run_plain(const struct spawn *spawn)
{
	const struct spec *spec = spawn->spec;

	if (spec->cwd && chdir(spec->cwd) != 0)
		status_fail(spawn->status, "cwd", spec->cwd);
	exec_in_path(spec->argv, spec->env);
	status_fail(spawn->status, "exec", spec->argv[0]);
}

static _Noreturn void run_child(const struct spawn *spawn)
{
	struct sandbox_files files = { .program = spawn_context.program, .status = spawn->status,
				       .pidns = spawn->pidns, .diagnostics = spawn->diagnostics,
				       .image = spawn_context.image,
				       .netns_directory = spawn_context.netns_directory };

	become_plain(0);
	if (spawn->task)
		run_task(spawn);
	enter_cgroups(spawn);
	open_standard(spawn, files.standard);
	if (spawn->join >= 0) {
		use_standard(spawn, files.standard);
		_exit(container_run(spawn->join, spawn->spec, spawn->status));
	}
	enter_network(spawn);
	if (spawn->spec->sandbox)
		sandbox_enter(spawn->spec, &files);
	use_standard(spawn, files.standard);
	run_plain(spawn);
}

pid_t spawn(const struct spawn *spawn, int *pidfd, const char **step)
{
	struct clone_args arguments = {
		.flags = CLONE_PIDFD, .pidfd = (__u64)(uintptr_t)pidfd, .exit_signal = SIGCHLD,
	};
	int cgroup = -1;
	pid_t pid;

	if (spawn->spec->cgroup) {
		*step = "cgroup";
		cgroup = open_cgroup(spawn->spec->cgroup);
		if (cgroup < 0)
			return -1;
		/* Born there: moving a process takes a lock that waits for every processor, milliseconds each time. */
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (__u64)cgroup;
	}
	*step = "fork";
	pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid == 0)
		run_child(spawn);
	if (cgroup >= 0) {
		int error = errno;

		close(cgroup);
		errno = error;
	}
	return pid;
}
