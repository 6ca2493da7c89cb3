/* Inside a sandbox: takes on the container's identity and becomes its command. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "console.h"
#include "files.h"
#include "protocol.h"
#include "sandbox.h"
#include "seccomp.h"
#include "spec.h"
#include "status.h"

static struct spec *read_spec(void)
{
	struct stat stat;
	const char *problem;
	void *bytes;

	if (fstat(FD_SPEC, &stat) != 0)
		return NULL;
	bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, FD_SPEC, 0);
	if (bytes == MAP_FAILED || !fields_valid(bytes, (size_t)stat.st_size))
		return NULL;
	return spec_parse(bytes, (size_t)stat.st_size, &problem);
}

int stage_main(void)
{
	struct spec *spec = read_spec();
	const char *failed;

	if (!spec)
		status_fail(FD_STATUS, "spec", NULL);
	for (int i = 0; i < 3; i++)
		if (dup2(FD_STDIN + i, i) < 0)
			status_fail(FD_STATUS, "descriptors", NULL);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	/* Container runtimes make a working directory that the image lacks. */
	if (spec->cwd && make_directories(spec->cwd, 0755) != 0 && errno != EROFS)
		status_fail(FD_STATUS, "cwd", spec->cwd);
	failed = confine(&spec->identity);
	if (failed)
		status_fail(FD_STATUS, failed, NULL);
	if (chdir(spec->cwd ? spec->cwd : "/") != 0)
		status_fail(FD_STATUS, "cwd", spec->cwd);
	become_plain(0);
	if (spec->terminal && (failed = console_take(FD_STATUS)))
		status_fail(FD_STATUS, failed, NULL);
	/* The container ends with the process that watches it; a change of user has cleared what was set before. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (seccomp_install() != 0)
		status_fail(FD_STATUS, "seccomp", NULL);
	status_send(FD_STATUS, STATUS_READY, 0, NULL);
	exec_in_path(spec->argv, spec->env);
	status_fail(FD_STATUS, "exec", spec->argv[0]);
}
