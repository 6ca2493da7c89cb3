/* /shell and /upload: they act in the container's sandbox, as anything the container runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"
#include "netexec.h"

enum { OUTPUT_MAX = 16 << 20 };

extern char **environ;

/* Everything it prints; what is beyond the bound is read and forgotten. */
static void read_output(int fd, struct buffer *output)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && output->length + (size_t)n <= OUTPUT_MAX)
			buffer_append(output, bytes, (size_t)n);
}

static pid_t spawn(const char *command, int output)
{
	char *argv[] = { "/bin/sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, pipe;
	pid_t pid;
	int failed;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	posix_spawn_file_actions_adddup2(&actions, output, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	failed = posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	errno = failed;
	return failed ? -1 : pid;
}

static void describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status)) {
		snprintf(text, size, "signal: %s%s", strsignal(WTERMSIG(status)), WCOREDUMP(status) ? " (core dumped)" : "");
		text[8] |= 0x20;
	} else if (WEXITSTATUS(status) != 0) {
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	}
}

static void write_result(struct exchange *exchange, const char *error, const struct buffer *output)
{
	struct buffer *json = &exchange->answer;

	buffer_text(json, "{");
	if (*error) {
		buffer_text(json, "\"error\":");
		json_string(json, error, strlen(error));
	}
	if (output->length > 0) {
		buffer_text(json, *error ? ",\"output\":" : "\"output\":");
		json_string(json, output->bytes, output->length);
	}
	buffer_text(json, "}");
}

void netexec_shell(struct exchange *exchange)
{
	char *command = request_value(exchange, "shellCommand"), error[128] = "";
	struct buffer output = { 0 };
	int pipes[2], status = 0;
	pid_t pid = -1;

	if (*command == '\0') {
		free(command);
		command = request_value(exchange, "cmd");
	}
	if (pipe2(pipes, O_CLOEXEC) == 0) {
		pid = spawn(command, pipes[1]);
		if (pid < 0)
			snprintf(error, sizeof error, "fork/exec /bin/sh: %s", strerror(errno));
		close(pipes[1]);
		read_output(pipes[0], &output);
		close(pipes[0]);
	} else {
		snprintf(error, sizeof error, "pipe2: %s", strerror(errno));
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		describe(status, error, sizeof error);
	write_result(exchange, error, &output);
	buffer_free(&output);
	free(command);
}

/* The content of the part that is named `file` (RFC 7578); NULL when there is none. */
static const char *file_part(const struct exchange *exchange, size_t *length)
{
	struct slice type = request_header(exchange, "Content-Type");
	const char *at = memmem(type.text, type.length, "boundary=", 9), *body = exchange->body.bytes, *end, *head;
	char line[256];
	int size;

	if (!at || type.length < 20 || strncasecmp(type.text, "multipart/form-data", 19) != 0 || exchange->body_cut)
		return NULL;
	at += 9;
	size = (int)(type.text + type.length - at);
	if (size > 2 && *at == '"')
		at++, size -= 2;
	if (memchr(at, ';', (size_t)size))
		size = (int)((const char *)memchr(at, ';', (size_t)size) - at);
	size = snprintf(line, sizeof line, "\r\n--%.*s", size, at);
	if (size >= (int)sizeof line)
		return NULL;
	end = body + exchange->body.length;
	/* Before the first part its line has no line end of its own. */
	head = body && exchange->body.length > (size_t)size && memcmp(body, line + 2, (size_t)size - 2) == 0 ? body + size - 2 : NULL;
	while (head) {
		const char *start = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
		const char *stop = start ? memmem(start + 2, (size_t)(end - start - 2), line, (size_t)size) : NULL;

		if (!stop)
			return NULL;
		if (memmem(head, (size_t)(start - head), " name=\"file\"", 12) && memmem(head, (size_t)(start - head), "filename=", 9)) {
			*length = stop > start + 4 ? (size_t)(stop - start - 4) : 0;
			return start + 4;
		}
		head = stop + size;
	}
	return NULL;
}

static int write_file(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);

		if (n <= 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return fchmod(fd, 0700);
}

void netexec_upload(struct exchange *exchange)
{
	char name[] = "/uploads/uploadXXXXXX";
	struct buffer output = { 0 };
	size_t length = 0;
	const char *content = file_part(exchange, &length), *error = "";
	/* The image has the directory; a container of the lab gets it with its first file. */
	int fd = content && (mkdir("/uploads", 0755) == 0 || errno == EEXIST) ? mkostemp(name, O_CLOEXEC) : -1;

	if (!content)
		error = "Unable to upload file.";
	else if (fd < 0)
		error = "Unable to open file for write";
	else if (write_file(fd, content, length) != 0)
		error = "Unable to write file.";
	if (fd >= 0)
		close(fd);
	if (*error == '\0') {
		exchange->status = 201;
		buffer_text(&output, name);
	}
	write_result(exchange, error, &output);
	buffer_free(&output);
}
