#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "console.h"
#include "seccomp.h"
#include "status.h"

static volatile sig_atomic_t command;

/* A signal from the terminal reaches the command by itself; one that somebody sent is passed on. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code <= 0 && command > 0)
		kill((pid_t)command, signal);
}

static void pass_signals_on(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };
	struct sigaction action = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
}

static int fail(int status, const char *step, const char *detail)
{
	int code = errno == ENOENT || errno == ENOTDIR ? 127 : 126;

	if (status >= 0)
		status_send(status, step, errno, detail);
	else
		fprintf(stderr, "tendril: cannot run the command: %s%s%s: %s\n", step, detail ? " " : "",
			detail ? detail : "", strerror(errno));
	return code;
}

static _Noreturn void run_command(const struct spec *spec, int status)
{
	const char *failed;

	become_plain(!spec->terminal);
	/* What the caller of `enter` has open is not the container's. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (spec->terminal && (failed = console_take(status)))
		_exit(fail(status, failed, NULL));
	if (chdir(spec->cwd ? spec->cwd : "/") != 0)
		_exit(fail(status, "cwd", spec->cwd));
	if (seccomp_install() != 0)
		_exit(fail(status, "seccomp", NULL));
	exec_in_path(spec->argv, spec->env);
	_exit(fail(status, "exec", spec->argv[0]));
}

static int wait_for(pid_t pid)
{
	int result;

	while (waitpid(pid, &result, 0) < 0)
		if (errno != EINTR)
			return 126;
	return WIFSIGNALED(result) ? 128 + WTERMSIG(result) : WEXITSTATUS(result);
}

int container_run(int pidfd, const struct spec *spec, int status)
{
	int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
	const char *failed;
	pid_t pid;

	if (setns(pidfd, namespaces) != 0)
		return fail(status, "namespaces", NULL);
	/* Before the fork: nobody inside ever meets a process that has more than the container has. */
	failed = confine(&spec->identity);
	if (failed)
		return fail(status, failed, NULL);
	pid = fork();
	if (pid < 0)
		return fail(status, "fork", NULL);
	if (pid == 0)
		run_command(spec, status);
	command = pid;
	pass_signals_on();
	/* This process lives as long as the command, and must not keep open what others wait for the end of. */
	close_range(3, ~0U, 0);
	return wait_for(pid);
}
