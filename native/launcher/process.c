#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"
#include "log.h"
#include "memory.h"
#include "prepare.h"
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
	loop_close(&process->log_end);
	input_close(&process->input);
	for (int i = 0; i < 2; i++)
		output_close(&process->output[i]);
	if (process->log && (process->log_end.fd = log_end(process->log)) >= 0)
		close(process->log_end.fd);
	for (int *fd = (int[]){ process->pidfd, process->main_pidfd, process->diagnostics, -2 }; *fd != -2; fd++)
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

static struct process *new_process(const struct process_request *request)
{
	struct process *process = allocate(1, sizeof *process);

	process->spec = request->spec;
	process->client = request->client;
	process->request = copy_text(request->request);
	process->lasting = request->lasting;
	process->session = request->session;
	process->pidfd = process->main_pidfd = process->diagnostics = process->status.fd = process->log_end.fd = -1;
	process->code = -1;
	process->input.source.fd = -1;
	for (int i = 0; i < 2; i++)
		process->output[i] = (struct output){ .source.fd = -1, .process = process };
	process->next = processes;
	processes = process;
	return process;
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
	failed = prepare(process, &spawn_request, status_ready);
	if (request->inside)
		spawn_request.join = request->inside->main_pidfd;
	if (!failed && (process->pid = spawn(&spawn_request, &process->pidfd, &failed)) > 0)
		failed = NULL;
	if (failed) {
		const char *detail = strcmp(failed, "log") == 0 ? process->spec->log : process->spec->cgroup;

		take_failure(process, failed, errno, detail ? detail : "");
		answer_failure(process->client, process->request, &process->failure);
	}
	prepare_close(&spawn_request);
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

static void log_ended(struct source *source, uint32_t events)
{
	struct process *process = owner_of(source, struct process, log_end);

	(void)events;
	tell_end(process, process->code);
}

/* All that it has written is to be read before anybody hears of its end. */
static void await_log(struct process *process)
{
	process->log_end = (struct source){ .fd = log_end(process->log), .ready = log_ended };
	process->log = 0;
	if (process->log_end.fd < 0 || loop_add(&process->log_end, EPOLLIN) != 0)
		tell_end(process, process->code);
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
	/* Nothing of it can be joined any more. */
	process->ready = 0;
	if (process->log)
		await_log(process);
	/* A child of the command may still write. */
	else if (!process->session || !has_outputs(process))
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
