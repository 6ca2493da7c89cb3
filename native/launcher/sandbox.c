#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"
#include "root.h"
#include "status.h"

#define BWRAP "/usr/bin/bwrap"

/* What the stage itself needs, to take on another identity. */
static const uint64_t stage_capabilities =
	1ULL << CAP_SETUID | 1ULL << CAP_SETGID | 1ULL << CAP_SETPCAP | 1ULL << CAP_DAC_OVERRIDE;

/*
 * Files of /proc that tell about the machine or reach it. Bubblewrap covers some itself, but where access(2) says that
 * they cannot be written anyway, and of /proc/sys that is said of what root can write.
 */
static const char *const masked[] = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats",
				      "/proc/sched_debug", "/proc/kallsyms", NULL };
static const char *const read_only[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi", "/proc/mtrr",
					 NULL };

int sandbox_program(void)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int copy = memfd_create("launcher", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n = -1;

	if (self >= 0 && copy >= 0)
		while ((n = sendfile(copy, self, NULL, 1 << 24)) > 0)
			;
	close(self);
	if (n < 0 || fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
		return -1;
	return copy;
}

struct arguments {
	char *list[160];
	int count;
};

static void add(struct arguments *arguments, const char *text)
{
	/* The list holds all capabilities and paths that are known here; less than what was asked for is no sandbox. */
	if (arguments->count == (int)(sizeof arguments->list / sizeof *arguments->list) - 1)
		abort();
	arguments->list[arguments->count++] = (char *)text;
}

static void add_all(struct arguments *arguments, const char *const *texts)
{
	for (; *texts; texts++)
		add(arguments, *texts);
}

static void add_capabilities(struct arguments *arguments, uint64_t capabilities)
{
	static char names[CAPABILITY_LAST + 1][32];

	add_all(arguments, (const char *const[]){ "--cap-drop", "ALL", NULL });
	for (int i = 0; i <= CAPABILITY_LAST; i++) {
		if (!(capabilities & (1ULL << i)))
			continue;
		snprintf(names[i], sizeof names[i], "CAP_%s", capability_name(i));
		add_all(arguments, (const char *const[]){ "--cap-add", names[i], NULL });
	}
}

static void add_proc(struct arguments *arguments)
{
	add_all(arguments, (const char *const[]){ "--proc", "/proc", NULL });
	for (const char *const *path = masked; *path; path++)
		if (access(*path, F_OK) == 0)
			add_all(arguments, (const char *const[]){ "--ro-bind", "/dev/null", *path, NULL });
	for (const char *const *path = read_only; *path; path++)
		if (access(*path, F_OK) == 0)
			add_all(arguments, (const char *const[]){ "--ro-bind", *path, *path, NULL });
}

static void compose(struct arguments *arguments, const struct spec *spec, int joins_pidns)
{
	static char pidns[12], program[32];

	snprintf(pidns, sizeof pidns, "%d", FD_PIDNS);
	snprintf(program, sizeof program, "/proc/self/fd/%d", FD_PROGRAM);
	add_all(arguments, (const char *const[]){ "bwrap", "--die-with-parent", "--unshare-uts", "--unshare-ipc",
						  "--unshare-cgroup-try", NULL });
	if (joins_pidns)
		add_all(arguments, (const char *const[]){ "--pidns", pidns, NULL });
	else
		add_all(arguments, (const char *const[]){ "--unshare-pid", "--as-pid-1", NULL });
	if (spec->hostname)
		add_all(arguments, (const char *const[]){ "--hostname", spec->hostname, NULL });
	add_capabilities(arguments, spec->identity.capabilities | stage_capabilities);
	/* `dev` keeps the nodes of the root's /dev alive; every other mount of the root is nodev already. */
	add_all(arguments, (const char *const[]){ "--dev-bind", "root", "/", NULL });
	add_proc(arguments);
	add_all(arguments, (const char *const[]){ "--chdir", "/", "--", program, "stage", NULL });
}

static int spec_file(const struct spec *spec)
{
	int fd = memfd_create("spec", MFD_CLOEXEC);

	if (fd < 0 || write(fd, spec->bytes, spec->length) != (ssize_t)spec->length || lseek(fd, 0, SEEK_SET) != 0)
		return -1;
	return fd;
}

/* Puts the descriptors where the stage expects them, open across exec; all others close at exec. */
static int place_files(const struct spec *spec, const struct sandbox_files *files)
{
	int wanted[FD_END] = {
		[0] = open("/dev/null", O_RDONLY), [1] = files->diagnostics, [2] = files->diagnostics,
		[FD_SPEC] = spec_file(spec), [FD_STATUS] = files->status, [FD_STDIN] = files->standard[0],
		[FD_STDOUT] = files->standard[1], [FD_STDERR] = files->standard[2], [FD_PROGRAM] = files->program,
		[FD_PIDNS] = files->pidns,
	};

	/* First out of the way, then into place. */
	for (int i = 0; i < FD_END; i++)
		if (wanted[i] >= 0 && (wanted[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, FD_END)) < 0)
			return -1;
	for (int i = 0; i < FD_END; i++)
		if (wanted[i] >= 0 && dup2(wanted[i], i) < 0)
			return -1;
	return close_range(FD_END, ~0U, CLOSE_RANGE_CLOEXEC);
}

/*
 * Bubblewrap reads the whole mount table for each of its mounts. The namespaces of the lab's other pods are mounts too,
 * hundreds of them: out of this mount namespace with all at once.
 */
static void forget_other_pods(const char *netns_directory)
{
	umount2(netns_directory, MNT_DETACH);
}

_Noreturn void sandbox_enter(const struct spec *spec, const struct sandbox_files *files)
{
	static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	struct arguments arguments = { .count = 0 };
	char detail[256] = "";
	const char *failed;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		status_fail(files->status, "mount namespace", NULL);
	forget_other_pods(files->netns_directory);
	failed = root_build(spec, files->image, detail);
	if (failed)
		status_fail(files->status, failed, detail);
	compose(&arguments, spec, files->pidns >= 0);
	if (place_files(spec, files) != 0)
		status_fail(files->status, "descriptors", NULL);
	/* The container's environment stays out of here: LD_PRELOAD in it would run its code on the machine. */
	execve(BWRAP, arguments.list, environment);
	status_fail(FD_STATUS, "sandbox", BWRAP);
}
