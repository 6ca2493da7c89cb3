/*
 * The lab's launcher: forks, confines and reaps everything that runs on a lab's nodes.
 *
 *   launcher --socket PATH --cgroup DIR [--log FILE]
 *                      starts the daemon in the background, in cgroup DIR, and prints its pid; all that it starts
 *                      lies below the parent of DIR
 *   launcher enter …   see enter.c
 *   launcher stage     inside a sandbox, by itself; see sandbox.h
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cgroup.h"
#include "client.h"
#include "enter.h"
#include "image.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "process.h"
#include "sandbox.h"
#include "spawn.h"

static int fail(const char *what)
{
	fprintf(stderr, "launcher: %s: %s\n", what, strerror(errno));
	return 1;
}

static void children_ready(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	/* Signals of one kind merge: reap whatever has ended. */
	while (read(source->fd, &info, sizeof info) > 0)
		;
	process_reap();
}

static int watch_children(void)
{
	static struct source children;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return -1;
	children = (struct source){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = children_ready };
	return children.fd < 0 ? -1 : loop_add(&children, EPOLLIN);
}

static const char *parent_of(const char *path)
{
	return dirname(copy_text(path));
}

static int build_image(const char *socket)
{
	static char image[4096], netns[4096];
	const char *failed;

	snprintf(image, sizeof image, "%s/image", parent_of(socket));
	snprintf(netns, sizeof netns, "%s/netns", parent_of(socket));
	spawn_context.image = image;
	spawn_context.netns_directory = netns;
	failed = image_build(image);
	if (failed)
		fprintf(stderr, "launcher: the base image: %s: %s\n", failed, strerror(errno));
	return failed ? -1 : 0;
}

/* The parent says the pid and ends; the child has no terminal and no directory of the caller's. */
static int go_to_background(int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null < 0 ? -1 : fork();

	if (pid < 0)
		return -1;
	if (pid > 0) {
		printf("%d\n", pid);
		fflush(stdout);
		_exit(0);
	}
	if (setsid() < 0 || dup2(null, 0) < 0 || dup2(log >= 0 ? log : null, 1) < 0 ||
	    dup2(log >= 0 ? log : null, 2) < 0 || chdir("/") != 0)
		_exit(1);
	return 0;
}

struct options {
	const char *socket, *cgroup, *log;
};

static int serve(const struct options *options)
{
	int log;

	/* What the caller left open would stay open for as long as the lab lives. */
	close_range(3, ~0U, 0);
	log = options->log ? open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	if (options->log && log < 0)
		return fail(options->log);
	/* Siblings, not children: where controllers are on, a cgroup that has children may hold no process. */
	spawn_context.cgroup_root = parent_of(options->cgroup);
	spawn_context.program = sandbox_program();
	if (spawn_context.program < 0)
		return fail("the launcher's copy");
	if (cgroup_enter(options->cgroup) != 0)
		return fail(options->cgroup);
	if (loop_init() != 0 || client_listen(options->socket) != 0)
		return fail(options->socket);
	if (build_image(options->socket) != 0)
		return 1;
	if (go_to_background(log) != 0)
		return fail("the background");
	if (log_begin() != 0)
		return fail("the logger");
	if (watch_children() != 0)
		return fail("children");
	while (loop_turn(process_check_deadlines()) == 0)
		;
	return fail("the event loop");
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "cgroup", required_argument, NULL, 'c' },
		{ "log", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { 0 };
	int option;

	if (argc > 1 && strcmp(argv[1], "stage") == 0)
		return stage_main();
	if (argc > 1 && strcmp(argv[1], "enter") == 0)
		return enter_main(argc, argv);
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 's')
			options.socket = optarg;
		else if (option == 'c')
			options.cgroup = optarg;
		else if (option == 'l')
			options.log = optarg;
	}
	if (!options.socket || !options.cgroup || options.socket[0] != '/' || options.cgroup[0] != '/') {
		fputs("usage: launcher --socket PATH --cgroup DIR [--log FILE] (absolute paths)\n", stderr);
		return 2;
	}
	return serve(&options);
}
