#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../standin/loop.h"
#include "late.h"
#include "report.h"

/* So long what is under way is waited for at the end. */
enum { LAST = 8 * SECOND };

static int stopping;
static int64_t longest = INT64_MAX;
static struct source signals, input = { .fd = -1 };

static void on_signal(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) > 0)
		stopping = 1;
}

static void on_input(struct source *source, uint32_t events)
{
	char bytes[64];
	ssize_t size = read(source->fd, bytes, sizeof(bytes));

	(void)events;
	if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	stopping = 1;
	loop_close(source);
}

static int watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = (struct source){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), .ready = on_signal };
	return loop_add(&signals, EPOLLIN);
}

static int read_number(const char *text, int most)
{
	char *end;
	long number = text ? strtol(text, &end, 10) : -1;

	return text && *text && !*end && number > 0 && number <= most ? (int)number : -1;
}

static int usage(const char *what)
{
	fprintf(stderr, "traffic: %s is not understood\n", what);
	return 2;
}

/* The option's own arguments, how many; -1 for none that it could have. */
static int read_option(char **option, int (**each)(const char *text))
{
	int number = read_number(option[1], 1000000);

	if (strcmp(*option, "--until-eof") == 0) {
		input = (struct source){ .fd = STDIN_FILENO, .ready = on_input };
		return 0;
	}
	if (strcmp(*option, "--keep") == 0) {
		*each = kept_target;
		return 0;
	}
	if (number < 0)
		return -1;
	if (strcmp(*option, "--seconds") == 0) {
		longest = (int64_t)number * SECOND;
		return 1;
	}
	if (strcmp(*option, "--connects") == 0) {
		*each = connects_target;
		connects_rate(number);
		return 1;
	}
	if (strcmp(*option, "--queries") != 0 || !option[2] || queries_server(option[2]) != 0)
		return -1;
	*each = queries_name;
	queries_rate(number);
	return 2;
}

static int read_arguments(char **arguments)
{
	int (*each)(const char *text) = NULL;

	for (; *arguments; arguments++) {
		if (strncmp(*arguments, "--", 2) == 0) {
			int taken = read_option(arguments, &each);

			if (taken < 0)
				return usage(*arguments);
			arguments += taken;
		} else if (!each || each(*arguments) != 0) {
			return usage(*arguments);
		}
	}
	return each ? 0 : usage("traffic of no kind");
}

static void release(struct source *source)
{
	if (source != &input && !kept_owns(source))
		free(source);
}

static void tell_once_ready(void)
{
	static int told;

	if (told || !connects_ready() || !queries_ready() || !kept_ready())
		return;
	told = 1;
	printf("{\"ready\":true}\n");
	fflush(stdout);
}

static int run(void)
{
	int64_t started = now_us(), ended = 0;

	report_start(started);
	for (;;) {
		int64_t now = now_us();

		late_turn(now);
		if (!ended && (stopping || now - started >= longest))
			ended = now;
		connects_tick(now, ended != 0);
		queries_tick(now, ended != 0);
		kept_tick(now, ended != 0);
		if (ended && ((!connects_open() && !queries_open() && !kept_open()) || now - ended > LAST))
			break;
		tell_once_ready();
		if (loop_turn(loop_now() + 1, release) != 0)
			return 1;
	}
	report_print(now_us());
	return 0;
}

int load_run(char **arguments)
{
	int failed = read_arguments(arguments);

	if (failed)
		return failed;
	srandom((unsigned int)now_us());
	if (loop_init() != 0 || watch_signals() != 0 || (input.fd >= 0 && loop_add(&input, EPOLLIN) != 0)) {
		perror("traffic");
		return 1;
	}
	return run();
}
