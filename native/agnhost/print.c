/* Commands that print something of the container, or only wait. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "flags.h"
#include "report.h"

static void no_arguments(const char *name, int argc, char **argv)
{
	static const struct flag none[] = { { 0 } };

	if (flags_read(none, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost %s\"", argv[0], name);
}

/* The words after the first line that begins so, joined by commas; a panic without one, with Go's exit status. */
static int print_line(const char *beginning)
{
	FILE *file = fopen("/etc/resolv.conf", "re");
	char line[4096];

	while (file && fgets(line, sizeof line, file)) {
		char *word = strchr(line, ' ');

		if (strncmp(line, beginning, strlen(beginning)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (char *space = word ? word + 1 : NULL; space && (space = strchr(space, ' ')); space++)
			*space = ',';
		puts(word ? word + 1 : "");
		fclose(file);
		return 0;
	}
	fputs("panic: Could not find DNS search list!\n", stderr);
	return 2;
}

int dns_suffix(int argc, char **argv)
{
	no_arguments("dns-suffix", argc, argv);
	return print_line("search");
}

int dns_server_list(int argc, char **argv)
{
	no_arguments("dns-server-list", argc, argv);
	return print_line("nameserver");
}

int etc_hosts(int argc, char **argv)
{
	FILE *file = fopen("/etc/hosts", "re");
	char bytes[4096];
	size_t n;

	no_arguments("etc-hosts", argc, argv);
	if (!file)
		return fputs("panic: open /etc/hosts: no such file or directory\n", stderr), 2;
	while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
		fwrite(bytes, 1, n, stdout);
	puts("");
	fclose(file);
	return 0;
}

/* With the program's name and its own, as Go prints a list. */
int entrypoint_tester(int argc, char **argv)
{
	printf("[");
	for (int i = -2; i < argc; i++)
		printf(i == -2 ? "%s" : " %s", argv[i]);
	puts("]");
	return 0;
}

int pause_command(int argc, char **argv)
{
	const char *path = getenv("TERMINATION_MESSAGE_PATH");
	int received;
	FILE *file;

	no_arguments("pause", argc, argv);
	puts("Paused\nSignals registered");
	fflush(stdout);
	received = commands_wait();
	file = fopen(path && *path ? path : "/dev/termination-log", "we");
	if (file) {
		fprintf(file, "exiting because of signal \"%s\"\n", received == SIGINT ? "interrupt" : "terminated");
		fclose(file);
	}
	printf("exiting because of signal \"%s\"\n", received == SIGINT ? "interrupt" : "terminated");
	return received == SIGINT ? 1 : 2;
}

static void print_log_line(int id)
{
	static const char *const methods[] = { "GET", "POST", "PUT" };
	static const char *const namespaces[] = { "kube-system", "default", "ns" };
	struct timespec now;
	struct tm parts;
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &parts);
	strftime(when, sizeof when, "%m%d %H:%M:%S", &parts);
	fprintf(stderr, "I%s.%06ld %7d logs_generator.go:88] %d %s /api/v1/namespaces/%s/pods/%03x %d\n", when, now.tv_nsec / 1000,
		getpid(), id, methods[rand() % 3], namespaces[rand() % 3], (unsigned)rand() % 4096, 200 + rand() % 400);
}

int logs_generator(int argc, char **argv)
{
	int total = 0;
	int64_t duration = 0, delay;
	const struct flag flags[] = {
		{ "log-lines-total", FLAG_INT, &total, 't' },
		{ "run-duration", FLAG_DURATION, &duration, 'd' },
		{ 0 },
	};

	if (flags_read(flags, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost logs-generator\"", argv[0]);
	if (total <= 0 || duration <= 0) {
		fprintf(stderr, total <= 0 ? "Invalid total number of lines: %d\n" : "Invalid duration: %d\n", total <= 0 ? total : 0);
		return 255;
	}
	commands_default_signals();
	delay = duration / total;
	for (int id = 0; id < total; id++) {
		print_log_line(id);
		nanosleep(&(struct timespec){ delay / 1000000000, delay % 1000000000 }, NULL);
	}
	return 0;
}
