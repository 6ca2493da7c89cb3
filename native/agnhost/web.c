/* liveness and test-webserver: small HTTP servers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "commands.h"
#include "flags.h"
#include "report.h"
#include "server.h"
#include "wire.h"

enum { FILE_MAX = 64 << 20 };

static int serve(int port, handler *handle, void *context)
{
	if (server_start(port, handle, context, NULL) != 0)
		report_fatal("listen tcp :%d: bind: %s", port, address_error(errno));
	commands_die(commands_wait());
}

static void answer_liveness(struct exchange *exchange, void *started)
{
	double seconds = (double)(wire_now() - *(int64_t *)started) / 1000;
	char text[64];

	if (strcmp(exchange->path, "/healthz") == 0 && seconds > 10) {
		exchange->status = 500;
		snprintf(text, sizeof text, "error: %.9g", seconds);
		answer_text(exchange, text);
	} else if (strcmp(exchange->path, "/healthz") == 0) {
		answer_text(exchange, "ok");
	} else if (strcmp(exchange->path, "/started") == 0) {
		snprintf(text, sizeof text, "%.3fs", seconds);
		answer_text(exchange, text);
	} else {
		answer_error(exchange, 404, "404 page not found");
	}
}

int liveness(int argc, char **argv)
{
	static const struct flag none[] = { { 0 } };
	static int64_t started;

	if (flags_read(none, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost liveness\"", argv[0]);
	started = wire_now();
	return serve(8080, answer_liveness, &started);
}

static void answer_file(struct exchange *exchange, void *context)
{
	int fd = open(exchange->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char bytes[4096];
	ssize_t n;

	(void)context;
	buffer_text(&exchange->headers, "Cache-Control: private\r\nAccess-Control-Allow-Origin: *\r\n"
					"Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: GET, POST, OPTIONS\r\n");
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		/* A directory is listed by agnhost; tests look at its status alone. */
		if (fd >= 0 && S_ISDIR(status.st_mode))
			exchange->type = "text/html; charset=utf-8", answer_text(exchange, "<pre>\n</pre>\n");
		else
			answer_error(exchange, 404, "404 page not found");
	} else {
		while (exchange->answer.length < FILE_MAX && (n = read(fd, bytes, sizeof bytes)) > 0)
			buffer_append(&exchange->answer, bytes, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
}

int test_webserver(int argc, char **argv)
{
	int port = 80;
	const struct flag flags[] = { { "port", FLAG_INT, &port, 0 }, { 0 } };

	if (flags_read(flags, argc, argv) > 0)
		report_usage("unknown command \"%s\" for \"agnhost test-webserver\"", argv[0]);
	return serve(port, answer_file, NULL);
}
