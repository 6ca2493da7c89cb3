/*
 * The commands of Kubernetes' test image agnhost that network test suites use, written anew for the lab, where no image
 * is pulled. What they take, answer, print and exit with is agnhost's (kubernetes, test/images/agnhost).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "report.h"

static const struct {
	const char *name;
	command *run;
	const char *summary;
} commands[] = {
	{ "connect", connect_command, "Attempts a TCP, UDP or SCTP connection and returns useful errors" },
	{ "dns-server-list", dns_server_list, "Prints the host's DNS Server list" },
	{ "dns-suffix", dns_suffix, "Prints the host's DNS suffix list" },
	{ "entrypoint-tester", entrypoint_tester, "Prints the args it's passed and exits" },
	{ "etc-hosts", etc_hosts, "Prints the host's /etc/hosts file" },
	{ "liveness", liveness, "Starts a server that is alive for 10 seconds" },
	{ "logs-generator", logs_generator, "Outputs lines of logs to stdout uniformly" },
	{ "netexec", netexec, "Creates HTTP, UDP, and (optionally) SCTP servers with various endpoints" },
	{ "nettest", nettest, "Starts a tiny web server for checking networking connectivity" },
	{ "pause", pause_command, "Pauses the execution" },
	{ "porter", porter, "Serves requested data on ports specified in ENV variables" },
	{ "serve-hostname", serve_hostname, "Serves the hostname" },
	{ "test-webserver", test_webserver, "Starts a simple HTTP fileserver" },
};

static void list(FILE *file)
{
	fputs("Usage:\n  agnhost COMMAND [flags]\n\nCommands that the lab's agnhost has:\n", file);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(file, "  %-18s %s\n", commands[i].name, commands[i].summary);
}

int commands_wait(void)
{
	sigset_t set;
	int received = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	while (sigwait(&set, &received) != 0)
		;
	return received;
}

void commands_die(int received)
{
	sigset_t set;

	signal(received, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, received);
	raise(received);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(2);
}

static void quit(int received)
{
	(void)received;
	_exit(2);
}

void commands_default_signals(void)
{
	sigset_t set;

	/* The first process of a container would not get them at all. */
	signal(SIGTERM, quit);
	signal(SIGINT, quit);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	sigset_t set;

	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return list(stdout), 0;
	/* As PID 1 of a container it must take them itself: there the kernel's defaults do not apply. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "Error: unknown command \"%s\" for \"agnhost\": the lab does not have it\n", argv[1]);
	list(stderr);
	return 1;
}
