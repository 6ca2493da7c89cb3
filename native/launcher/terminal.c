#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct relay {
	int master, signals;
	pid_t child;
	/* What was typed and the new terminal has not taken yet. */
	char typed[4096];
	size_t start, end;
	int hears_caller;
};

int terminal_is_callers(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int open_pair(const struct termios *settings, int *master, int *slave)
{
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0)
		return -1;
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *slave < 0 || tcsetattr(*slave, TCSANOW, settings) != 0 ? -1 : 0;
}

static void copy_size(int master)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

static int take_over(int slave, const sigset_t *mask)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
		return -1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(slave, fd) < 0)
			return -1;
	close(slave);
	return sigprocmask(SIG_SETMASK, mask, NULL);
}

static void show(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			bytes += n, length -= (size_t)n;
	}
}

/* 0 while more may come. */
static int relay_output(struct relay *relay)
{
	char bytes[4096];
	ssize_t n = read(relay->master, bytes, sizeof bytes);

	if (n > 0)
		show(bytes, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR) ? 0 : -1;
}

static void relay_input(struct relay *relay, short caller, short master)
{
	if (caller & (POLLIN | POLLHUP | POLLERR)) {
		ssize_t n = read(STDIN_FILENO, relay->typed, sizeof relay->typed);

		relay->hears_caller = n > 0 || (n < 0 && errno == EINTR);
		relay->start = 0;
		relay->end = n > 0 ? (size_t)n : 0;
	}
	if (master & POLLOUT) {
		ssize_t n = write(relay->master, relay->typed + relay->start, relay->end - relay->start);

		if (n > 0)
			relay->start += (size_t)n;
	}
}

/* 1 when the child has ended, with its status. */
static int take_signal(struct relay *relay, int *status)
{
	struct signalfd_siginfo signal;
	int result;

	if (read(relay->signals, &signal, sizeof signal) != sizeof signal)
		return 0;
	if (signal.ssi_signo == SIGWINCH)
		copy_size(relay->master);
	else if (signal.ssi_signo != SIGCHLD)
		kill(relay->child, (int)signal.ssi_signo);
	if (waitpid(relay->child, &result, WNOHANG) != relay->child)
		return 0;
	*status = WIFSIGNALED(result) ? 128 + WTERMSIG(result) : WEXITSTATUS(result);
	return 1;
}

static void relay_until_end(struct relay *relay, int *status)
{
	for (;;) {
		int pending = relay->start < relay->end;
		struct pollfd fds[] = {
			{ .fd = relay->signals, .events = POLLIN },
			{ .fd = relay->master, .events = (short)(POLLIN | (pending ? POLLOUT : 0)) },
			{ .fd = relay->hears_caller && !pending ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && take_signal(relay, status))
			break;
		/* Nobody has it open for a moment: the child is about to end. */
		if (fds[1].revents & (POLLIN | POLLHUP) && relay_output(relay) != 0)
			poll(fds, 1, -1);
		relay_input(relay, fds[2].revents, fds[1].revents);
	}
	while (relay_output(relay) == 0)
		;
}

/* The signals that are relayed or awaited, held back until they are read. */
static int hold_signals(sigset_t *before)
{
	static const int signals[] = { SIGCHLD, SIGWINCH, SIGHUP, SIGTERM, SIGINT, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(&set, signals[i]);
	return sigprocmask(SIG_BLOCK, &set, before) != 0 ? -1 : signalfd(-1, &set, SFD_CLOEXEC);
}

int terminal_split(int *status)
{
	struct relay relay = { .hears_caller = 1 };
	struct termios settings, raw;
	sigset_t mask;
	int slave;

	if (tcgetattr(STDIN_FILENO, &settings) != 0 || open_pair(&settings, &relay.master, &slave) != 0)
		return -1;
	copy_size(relay.master);
	relay.signals = hold_signals(&mask);
	relay.child = relay.signals < 0 ? -1 : fork();
	if (relay.child < 0)
		return -1;
	if (relay.child == 0) {
		close(relay.master);
		close(relay.signals);
		return take_over(slave, &mask);
	}
	close(slave);
	raw = settings;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	*status = 128 + SIGHUP;
	relay_until_end(&relay, status);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
	return 1;
}
