/*
 *   launcher enter --pid PID [--uid N] [--gid N] [--groups N,N] [--caps NAME,NAME] [--cwd DIR] [--cgroup DIR] [--cgroup1 DIR]… -- CMD…
 *   launcher enter --netns PATH [--cgroup DIR] -- CMD…
 *
 * The first runs CMD in the container of a process, with that process' environment and, where nothing else is
 * said, its identity; a caller at a terminal gets it relayed, never handed over. The second is plain: the caller's own command in another network namespace.
 * Exits with the command's status; 126/127 when it cannot be run, 125 when the place cannot be entered.
 */
#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "capability.h"
#include "cgroup.h"
#include "confine.h"
#include "container.h"
#include "memory.h"
#include "sandbox.h"
#include "terminal.h"

enum { CANNOT_ENTER = 125, ENVIRONMENT_MAX = 1 << 20, CGROUPS_1_MAX = 8 };

struct options {
	pid_t pid;
	const char *netns, *cgroup, *cwd, *uid, *gid, *groups, *caps;
	/* One for each hierarchy at most. */
	char *cgroups_1[CGROUPS_1_MAX + 1];
	int cgroup_1_count;
};

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },    { "netns", required_argument, NULL, 'n' },
	{ "cgroup", required_argument, NULL, 'c' }, { "cwd", required_argument, NULL, 'd' },
	{ "cgroup1", required_argument, NULL, '1' },
	{ "uid", required_argument, NULL, 'u' },    { "gid", required_argument, NULL, 'g' },
	{ "groups", required_argument, NULL, 'G' }, { "caps", required_argument, NULL, 'C' },
	{ NULL, 0, NULL, 0 },
};

static int fail(const char *what)
{
	fprintf(stderr, "tendril: cannot enter: %s: %s\n", what, strerror(errno));
	return CANNOT_ENTER;
}

static int usage(void)
{
	fputs("usage: launcher enter (--pid PID | --netns PATH) [--cgroup DIR] [--cgroup1 DIR]... [--cwd DIR]\n"
	      "                      [--uid N] [--gid N] [--groups N,N] [--caps NAME,NAME] -- COMMAND [ARGUMENT…]\n",
	      stderr);
	return CANNOT_ENTER;
}

static int read_options(int argc, char **argv, struct options *options)
{
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		switch (option) {
		case 'p': options->pid = (pid_t)atoi(optarg); break;
		case 'n': options->netns = optarg; break;
		case 'c': options->cgroup = optarg; break;
		case '1':
			if (options->cgroup_1_count == CGROUPS_1_MAX)
				return -1;
			options->cgroups_1[options->cgroup_1_count++] = optarg;
			break;
		case 'd': options->cwd = optarg; break;
		case 'u': options->uid = optarg; break;
		case 'g': options->gid = optarg; break;
		case 'G': options->groups = optarg; break;
		case 'C': options->caps = optarg; break;
		default: return -1;
		}
	}
	return optind < argc && (options->pid > 0) != (options->netns != NULL) ? 0 : -1;
}

static int enter_cgroups(const struct options *options)
{
	const char *failed = cgroup_enter_version_1(options->cgroups_1);

	if (!failed && options->cgroup && cgroup_enter(options->cgroup) != 0)
		failed = options->cgroup;
	return failed ? fail(failed) : 0;
}

static gid_t *read_numbers(char *text, size_t *count)
{
	gid_t *numbers = allocate(strlen(text) + 1, sizeof *numbers);

	for (char *word = strtok(text, ", \t\n"); word; word = strtok(NULL, ", \t\n"))
		numbers[(*count)++] = (gid_t)strtoul(word, NULL, 10);
	return numbers;
}

/* The identity that a process has: its user and groups, and the bounding set, since the sets in force shrink. */
static int read_identity(pid_t pid, struct identity *identity)
{
	char path[64], line[4096];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, "Uid:", 4) == 0)
			identity->uid = (uid_t)strtoul(line + 4, NULL, 10);
		if (strncmp(line, "Gid:", 4) == 0)
			identity->gid = (gid_t)strtoul(line + 4, NULL, 10);
		if (strncmp(line, "Groups:", 7) == 0)
			identity->groups = read_numbers(line + 7, &identity->group_count);
		if (strncmp(line, "CapBnd:", 7) == 0)
			identity->capabilities = strtoull(line + 7, NULL, 16) & capability_grantable("ALL");
	}
	fclose(file);
	return 0;
}

static void override_identity(const struct options *options, struct identity *identity)
{
	char *names = options->caps ? copy_text(options->caps) : NULL;

	if (options->uid)
		identity->uid = (uid_t)strtoul(options->uid, NULL, 10);
	if (options->gid)
		identity->gid = (gid_t)strtoul(options->gid, NULL, 10);
	if (options->groups) {
		identity->group_count = 0;
		identity->groups = read_numbers(copy_text(options->groups), &identity->group_count);
	}
	if (names)
		identity->capabilities = 0;
	for (char *name = names ? strtok(names, ",") : NULL; name; name = strtok(NULL, ","))
		identity->capabilities |= capability_grantable(name);
	free(names);
}

/* The process' first environment, and the caller's terminal type. */
static char **read_environment(pid_t pid)
{
	static char bytes[ENVIRONMENT_MAX], term[128];
	char **environment = allocate(ENVIRONMENT_MAX / 2, sizeof *environment);
	size_t length = 0, count = 0;
	int fd;

	snprintf(term, sizeof term, "/proc/%d/environ", pid);
	fd = open(term, O_RDONLY | O_CLOEXEC);
	for (ssize_t n; fd >= 0 && (n = read(fd, bytes + length, sizeof bytes - 1 - length)) > 0;)
		length += (size_t)n;
	for (size_t i = 0; i < length; i += strlen(bytes + i) + 1)
		if (strncmp(bytes + i, "TERM=", 5) != 0)
			environment[count++] = bytes + i;
	if (getenv("TERM")) {
		snprintf(term, sizeof term, "TERM=%s", getenv("TERM"));
		environment[count++] = term;
	}
	return environment;
}

/* Goes on as the sealed copy: inside, this program's file on the machine must not be reachable. */
static int go_on_sealed(char **argv)
{
	int program;

	if (getenv("TENDRIL_SEALED"))
		return 0;
	program = sandbox_program();
	if (program < 0 || setenv("TENDRIL_SEALED", "1", 1) != 0)
		return -1;
	return fexecve(program, argv, environ);
}

static int enter_container(const struct options *options, char **command)
{
	struct spec spec = { .argv = command, .cwd = options->cwd };
	int pidfd = pidfd_open(options->pid, 0);

	if (pidfd < 0 || read_identity(options->pid, &spec.identity) != 0)
		return fail("the container's process");
	override_identity(options, &spec.identity);
	spec.env = read_environment(options->pid);
	return container_run(pidfd, &spec, -1);
}

static int enter_network(const struct options *options, char **command)
{
	int fd = open(options->netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		return fail(options->netns);
	if (options->cwd && chdir(options->cwd) != 0)
		return fail(options->cwd);
	exec_in_path(command, environ);
	fprintf(stderr, "tendril: %s: %s\n", command[0], strerror(errno));
	return errno == ENOENT || errno == ENOTDIR ? 127 : 126;
}

int enter_main(int argc, char **argv)
{
	struct options options = { 0 };

	if (read_options(argc - 1, argv + 1, &options) != 0)
		return usage();
	if (options.pid > 0 && go_on_sealed(argv) != 0)
		return fail("the launcher's copy");
	if (options.pid > 0 && terminal_is_callers()) {
		int status, split = terminal_split(&status);

		if (split < 0)
			return fail("a terminal");
		if (split > 0)
			return status;
	}
	if (enter_cgroups(&options) != 0)
		return CANNOT_ENTER;
	if (options.pid > 0)
		return enter_container(&options, argv + 1 + optind);
	return enter_network(&options, argv + 1 + optind);
}
