#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "spawn.h"

enum { ORDERS_FD = 3 };

static int orders = -1;
static uint64_t last_log;

int log_begin(void)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], ORDERS_FD);
		/* A copy of what the launcher has open would keep its clients and containers waiting. */
		close_range(ORDERS_FD + 1, ~0U, 0);
		prctl(PR_SET_NAME, "logger");
		_exit(logger_main(ORDERS_FD));
	}
	close(pair[1]);
	if (orders >= 0)
		close(orders);
	orders = pair[0];
	return pid < 0 ? -1 : 0;
}

static int tell(uint64_t log, enum log_order_kind kind, int fd)
{
	struct log_order order = { .log = log, .kind = kind };

	return descriptor_send(orders, &order, sizeof order, fd);
}

uint64_t log_open(const char *path)
{
	int file = open_log(path);
	int told;

	if (file < 0)
		return 0;
	last_log++;
	told = tell(last_log, LOG_FILE, file);
	/* A logger that was killed takes the logs of its time along; another one writes those that begin now. */
	if (told != 0 && log_begin() == 0)
		told = tell(last_log, LOG_FILE, file);
	close(file);
	return told == 0 ? last_log : 0;
}

int log_pipe(uint64_t log, int stream, const struct identity *user)
{
	int pair[2];
	int told;

	if (pipe2(pair, O_CLOEXEC) != 0)
		return -1;
	/* Of this end alone: the container's blocks, as programs expect of a pipe. */
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0 || fchown(pair[1], user->uid, user->gid) != 0)
		told = -1;
	else
		told = tell(log, stream == 1 ? LOG_STDOUT : LOG_STDERR, pair[0]);
	close(pair[0]);
	if (told == 0)
		return pair[1];
	close(pair[1]);
	return -1;
}

void log_terminal(uint64_t log, int terminal)
{
	tell(log, LOG_STDOUT, terminal);
}

int log_end(uint64_t log)
{
	int pair[2];
	int told;

	if (pipe2(pair, O_CLOEXEC) != 0) {
		tell(log, LOG_END, -1);
		return -1;
	}
	told = tell(log, LOG_END, pair[1]);
	close(pair[1]);
	if (told == 0)
		return pair[0];
	close(pair[0]);
	return -1;
}
