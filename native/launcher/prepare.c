#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

static int open_input(const struct spec *spec)
{
	int fd;

	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Half of an input would be a lie. */
	if (write(fd, spec->input, spec->input_length) != (ssize_t)spec->input_length) {
		close(fd);
		return -1;
	}
	if (lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_pidns(const struct spec *spec)
{
	struct process *other = process_find(spec->pidns_of);
	char path[64];

	errno = ESRCH;
	if (!other || !other->ready)
		return -1;
	snprintf(path, sizeof path, "/proc/%d/ns/pid", other->main_pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void prepare_close(const struct spawn *spawn)
{
	const int fds[] = { spawn->standard[0], spawn->standard[1], spawn->standard[2], spawn->status, spawn->pidns };

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* A terminal comes from inside. */
static const char *open_container_log(struct process *process, int standard[3])
{
	const struct spec *spec = process->spec;

	process->log = log_open(spec->log);
	if (process->log == 0)
		return "log";
	for (int i = 1; i < 3 && !spec->terminal; i++)
		if ((standard[i] = log_pipe(process->log, i, &spec->identity)) < 0)
			return "log";
	return NULL;
}

/* What is left at -1 is the spec's log, or nothing. */
static const char *open_standard(struct process *process, int standard[3])
{
	const struct spec *spec = process->spec;
	const char *failed = NULL;

	if (spec->sandbox && spec->log && process->lasting && !process->session)
		failed = open_container_log(process, standard);
	if (failed || spec->terminal)
		return failed;
	if (spec->interactive && (standard[0] = input_open(&process->input)) < 0)
		return "input";
	if (spec->input && (standard[0] = open_input(spec)) < 0)
		return "input";
	for (int i = 0; i < 2 && (!process->lasting || process->session); i++)
		if ((standard[i + 1] = output_open(&process->output[i])) < 0)
			return "descriptors";
	return NULL;
}

const char *prepare(struct process *process, struct spawn *spawn, void (*status_ready)(struct source *, uint32_t))
{
	int pair[2];

	if (process->spec->pidns_of && (spawn->pidns = open_pidns(process->spec)) < 0)
		return "pidns";
	if (status_pair(pair) != 0)
		return "descriptors";
	spawn->status = pair[1];
	process->status = (struct source){ .fd = pair[0], .ready = status_ready };
	if (loop_add(&process->status, EPOLLIN) != 0)
		return "descriptors";
	if (process->spec->sandbox &&
	    (spawn->diagnostics = process->diagnostics = memfd_create("diagnostics", MFD_CLOEXEC)) < 0)
		return "descriptors";
	if (process->spec->timeout_ms > 0)
		process->deadline = loop_now() + process->spec->timeout_ms;
	return open_standard(process, spawn->standard);
}
