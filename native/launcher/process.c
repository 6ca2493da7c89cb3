#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"
#include "memory.h"
#include "spawn.h"

static struct process *processes;

struct process *process_first(void)
{
	return processes;
}

struct process *process_find(const char *id)
{
	struct process *process = processes;

	while (process && (!process->lasting || strcmp(process->spec->id, id) != 0))
		process = process->next;
	return process;
}

static void forget(struct process *process)
{
	struct process **link = &processes;

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	loop_close(&process->status);
	input_close(&process->input);
	for (int i = 0; i < 2; i++)
		output_close(&process->output[i]);
	for (int *fd = (int[]){ process->pidfd, process->main_pidfd, process->diagnostics, process->log, -2 };
	     *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	free((char *)process->request);
	spec_free(process->spec);
	free(process);
}

static void take_failure(struct process *process, const char *step, int error, const char *detail)
{
	process->failed = 1;
	process->failure.error = error;
	snprintf(process->failure.step, sizeof process->failure.step, "%s", step);
	snprintf(process->failure.detail, sizeof process->failure.detail, "%s", detail);
}

/* A sandbox that ended without a word from the stage: bubblewrap said why. */
static void take_diagnostics(struct process *process)
{
	char text[200] = "";
	ssize_t n = process->diagnostics >= 0 ? pread(process->diagnostics, text, sizeof text - 1, 0) : 0;

	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	take_failure(process, "sandbox", 0, text[0] ? text : "it was killed");
}

/* The status channel is closed: the program runs, or never will. */
static void settle(struct process *process)
{
	loop_close(&process->status);
	if (!process->failed && process->spec->sandbox && !process->ready)
		take_diagnostics(process);
	if (process->diagnostics >= 0)
		close(process->diagnostics);
	process->diagnostics = -1;
	if (process->failed || process->running || !process->lasting)
		return;
	process->running = 1;
	answer_started(process);
}

static void take_ready(struct process *process, pid_t pid)
{
	process->ready = 1;
	process->main_pid = pid;
	process->main_pidfd = pidfd_open(pid, 0);
}

static void read_status(struct process *process)
{
	struct status status;
	pid_t sender = 0;
	int got, terminal;

	while ((got = status_receive(process->status.fd, &status, &sender, &terminal)) == 1) {
		if (strcmp(status.step, STATUS_READY) == 0)
			take_ready(process, sender);
		else if (strcmp(status.step, STATUS_TERMINAL) == 0 && terminal >= 0)
			stream_take_terminal(process, terminal);
		else
			take_failure(process, status.step, status.error, status.detail);
	}
	if (got == 0)
		settle(process);
}

static void status_ready(struct source *source, uint32_t events)
{
	(void)events;
	read_status(owner_of(source, struct process, status));
}

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

static struct process *new_process(const struct process_request *request)
{
	struct process *process = allocate(1, sizeof *process);

	process->spec = request->spec;
	process->client = request->client;
	process->request = copy_text(request->request);
	process->lasting = request->lasting;
	process->session = request->session;
	process->pidfd = process->main_pidfd = process->diagnostics = process->status.fd = process->log = -1;
	process->code = -1;
	process->input.source.fd = -1;
	for (int i = 0; i < 2; i++)
		process->output[i] = (struct output){ .source.fd = -1, .process = process };
	process->next = processes;
	processes = process;
	return process;
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

static void close_spawn(const struct spawn *spawn)
{
	const int fds[] = { spawn->standard[0], spawn->standard[1], spawn->standard[2], spawn->status, spawn->pidns };

	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* What is left at -1 is the spec's log, or nothing; a terminal comes from inside. */
static const char *open_standard(struct process *process, int standard[3])
{
	const struct spec *spec = process->spec;

	if (spec->terminal)
		return spec->log && (process->log = open_log(spec->log)) < 0 ? "log" : NULL;
	if (spec->interactive && (standard[0] = input_open(&process->input)) < 0)
		return "input";
	if (spec->input && (standard[0] = open_input(spec)) < 0)
		return "input";
	for (int i = 0; i < 2 && (!process->lasting || process->session); i++)
		if ((standard[i + 1] = output_open(&process->output[i])) < 0)
			return "descriptors";
	return NULL;
}

static const char *prepare(struct process *process, struct spawn *spawn)
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

void process_start(const struct process_request *request)
{
	struct process *process;
	struct spawn spawn_request = { .spec = request->spec, .task = request->task, .join = -1, .pidns = -1,
				       .standard = { -1, -1, -1 }, .status = -1, .diagnostics = -1 };
	const char *failed;

	if (request->lasting && process_find(request->spec->id)) {
		answer_failure(request->client, request->request,
			       &(struct status){ .step = "id", .error = EEXIST, .detail = "a process of that id lives" });
		spec_free(request->spec);
		return;
	}
	process = new_process(request);
	failed = prepare(process, &spawn_request);
	if (request->inside)
		spawn_request.join = request->inside->main_pidfd;
	if (!failed && (process->pid = spawn(&spawn_request, &process->pidfd, &failed)) > 0)
		failed = NULL;
	if (failed) {
		take_failure(process, failed, errno, process->spec->cgroup ? process->spec->cgroup : "");
		answer_failure(process->client, process->request, &process->failure);
	}
	close_spawn(&spawn_request);
	if (failed)
		forget(process);
}

int process_signal(struct process *process, int signal)
{
	int fd = process->main_pidfd >= 0 ? process->main_pidfd : process->pidfd;

	return pidfd_send_signal(fd, signal, NULL, 0) == 0;
}

static void tell_end(struct process *process, int code)
{
	if (process->failed)
		answer_failure(process->client, process->request, &process->failure);
	else if (process->session)
		answer_session_exit(process, code);
	else if (!process->lasting)
		answer_run(process, code);
	else
		answer_exit(process->spec->id, code);
	forget(process);
}

static int has_outputs(const struct process *process)
{
	return process->output[0].source.fd >= 0 || process->output[1].source.fd >= 0;
}

static void finish(struct process *process, int wait_status)
{
	int code = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);

	/* The last records may still be unread. */
	if (process->status.fd >= 0)
		read_status(process);
	if (process->status.fd >= 0)
		settle(process);
	for (int i = 0; i < 2; i++)
		if (process->output[i].source.fd >= 0)
			output_read(&process->output[i]);
	process->pid = -1;
	process->deadline = 0;
	process->code = code;
	/* A child of the command may still write. */
	if (!process->session || !has_outputs(process))
		tell_end(process, code);
}

void process_output_ended(struct process *process)
{
	if (process->session && process->code >= 0 && !has_outputs(process))
		tell_end(process, process->code);
}

void process_resume(uint64_t client)
{
	for (struct process *process = processes; process; process = process->next)
		for (int i = 0; i < 2 && process->session && process->client == client; i++)
			output_resume(&process->output[i]);
}

void process_abandon(uint64_t client)
{
	struct process *next;

	for (struct process *process = processes; process; process = next) {
		next = process->next;
		if (process->input.sender == client)
			process->input.sender = 0;
		if (!process->session || process->client != client)
			continue;
		process->client = 0;
		input_close(&process->input);
		for (int i = 0; i < 2; i++)
			output_close(&process->output[i]);
		process_output_ended(process);
	}
}

void process_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *process = processes;

		while (process && process->pid != pid)
			process = process->next;
		/* Others are orphans of what runs here, which come to us. */
		if (process)
			finish(process, status);
	}
}

int64_t process_check_deadlines(void)
{
	int64_t next = 0;

	for (struct process *process = processes; process; process = process->next) {
		if (process->deadline == 0)
			continue;
		if (process->deadline <= loop_now()) {
			process->deadline = 0;
			process_signal(process, SIGKILL);
			/* Its whole session: children of the command, and the command behind the one that joined. */
			kill(-process->pid, SIGKILL);
		} else if (next == 0 || process->deadline < next) {
			next = process->deadline;
		}
	}
	return next;
}
