/*
 * The stand-in for a container whose image cannot run here.
 *
 *   standin [--more FILE] [--http PORT…] [--tcp PORT…] [--udp PORT…]
 *                    serves until SIGTERM; without ports it only waits for it. SIGHUP: opens ports of FILE too.
 *   standin --init   ends at once, as an init container that is done
 *
 * Every TCP port speaks HTTP to those who speak it, says by gRPC that it is healthy, and echoes what others send; every UDP
 * port echoes.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "connection.h"
#include "listener.h"
#include "loop.h"
#include "ports.h"

static int stopping;
/* File of ports to add, read at SIGHUP; or none. */
static const char *more_ports;

static void signal_ready(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof info) > 0) {
		if (info.ssi_signo != SIGHUP)
			stopping = 1;
		else if (more_ports && !stopping)
			ports_read(more_ports);
	}
	if (!stopping)
		return;
	listener_stop_all();
	connection_stop_all();
}

/* As PID 1 of a container it must take the signals itself: there the kernel's defaults do not apply. */
static int watch_signals(void)
{
	static struct source signals;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* As a pod's first process it inherits orphans; ignored, they are reaped by the kernel. */
	signal(SIGCHLD, SIG_IGN);
	signals = (struct source){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = signal_ready };
	return signals.fd < 0 ? -1 : loop_add(&signals, EPOLLIN);
}

static int usage(const char *what)
{
	fprintf(stderr, "standin: %s\nusage: standin [--more FILE] [--http PORT…] [--tcp PORT…] [--udp PORT…] | --init\n", what);
	return 2;
}

static int read_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return isdigit((unsigned char)*text) && !*end && port >= 1 && port <= 65535 ? (int)port : -1;
}

static int open_ports(char **arguments)
{
	int (*listen)(int port) = NULL;

	for (; *arguments; arguments++) {
		int port = read_port(*arguments);

		if (strcmp(*arguments, "--more") == 0 && arguments[1])
			more_ports = *++arguments;
		else if (strcmp(*arguments, "--http") == 0 || strcmp(*arguments, "--tcp") == 0)
			listen = listener_tcp;
		else if (strcmp(*arguments, "--udp") == 0)
			listen = listener_udp;
		else if (!listen || port < 0)
			return usage(*arguments);
		else if (listen(port) != 0)
			return 1;
	}
	return 0;
}

/* What is closed last is a connection: listeners and signals stay for as long as the process. */
int main(int argc, char **argv)
{
	int failed;

	if (argc == 2 && strcmp(argv[1], "--init") == 0)
		return 0;
	if (loop_init() != 0 || watch_signals() != 0) {
		fprintf(stderr, "standin: %s\n", strerror(errno));
		return 1;
	}
	failed = open_ports(argv + 1);
	if (failed)
		return failed;
	while (!stopping || connection_count() > 0) {
		int64_t deadline = connection_check_timers();

		if (stopping && connection_count() == 0)
			break;
		if (loop_turn(deadline, connection_release) != 0)
			return 1;
	}
	return 0;
}
