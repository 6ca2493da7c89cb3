#include "nettest-state.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"

/* Of names and of errors no more are kept than this: anyone may post some. */
enum { LOG_MAX = 500, KEPT_MAX = 10000, LINE_MAX_BYTES = 4096 };

struct counts {
	/* In the order of their bytes. */
	struct count {
		struct buffer name;
		uint64_t times;
	} *all;
	size_t length;
};

struct lines {
	char **all;
	size_t length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct counts sent, received;
static struct lines errors, logged;
static int done;

static int compare(const struct buffer *a, const struct buffer *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = shorter ? memcmp(a->bytes, b->bytes, shorter) : 0;

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static void *grown(void *all, size_t length, size_t size)
{
	all = realloc(all, (length + 1) * size);
	if (!all)
		abort();
	return all;
}

static void add(struct counts *counts, const struct buffer *name)
{
	size_t at = 0;
	int order = 1;

	while (at < counts->length && (order = compare(name, &counts->all[at].name)) > 0)
		at++;
	if (at < counts->length && order == 0) {
		counts->all[at].times++;
	} else if (counts->length < KEPT_MAX) {
		counts->all = grown(counts->all, counts->length, sizeof *counts->all);
		memmove(counts->all + at + 1, counts->all + at, (counts->length++ - at) * sizeof *counts->all);
		counts->all[at] = (struct count){ .times = 1 };
		buffer_append(&counts->all[at].name, name->bytes, name->length);
	}
}

void state_sent(const struct buffer *hostname)
{
	pthread_mutex_lock(&lock);
	add(&sent, hostname);
	pthread_mutex_unlock(&lock);
}

void state_received(const struct buffer *source)
{
	pthread_mutex_lock(&lock);
	add(&received, source);
	pthread_mutex_unlock(&lock);
}

static void append(struct lines *lines, const char *format, va_list arguments)
{
	char *line = malloc(LINE_MAX_BYTES);

	if (!line)
		abort();
	vsnprintf(line, LINE_MAX_BYTES, format, arguments);
	lines->all = grown(lines->all, lines->length, sizeof *lines->all);
	lines->all[lines->length++] = line;
}

void state_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&lock);
	if (errors.length < KEPT_MAX)
		append(&errors, format, arguments);
	pthread_mutex_unlock(&lock);
	va_end(arguments);
}

void state_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&lock);
	append(&logged, format, arguments);
	if (logged.length > LOG_MAX) {
		free(logged.all[0]);
		memmove(logged.all, logged.all + 1, --logged.length * sizeof *logged.all);
	}
	pthread_mutex_unlock(&lock);
	va_end(arguments);
}

void state_done(void)
{
	pthread_mutex_lock(&lock);
	done = 1;
	pthread_mutex_unlock(&lock);
}

struct progress state_progress(void)
{
	struct progress progress;

	pthread_mutex_lock(&lock);
	progress = (struct progress){ sent.length, received.length, !done };
	pthread_mutex_unlock(&lock);
	return progress;
}

static void write_name(struct buffer *json, const char *name)
{
	buffer_text(json, ",\n\t\"");
	buffer_text(json, name);
	buffer_text(json, "\": ");
}

static void write_counts(struct buffer *json, const char *name, const struct counts *counts)
{
	write_name(json, name);
	for (size_t i = 0; i < counts->length; i++) {
		buffer_text(json, i ? ",\n\t\t" : "{\n\t\t");
		json_string(json, counts->all[i].name.bytes, counts->all[i].name.length);
		buffer_text(json, ": ");
		buffer_number(json, counts->all[i].times);
	}
	buffer_text(json, counts->length ? "\n\t}" : "null");
}

static void write_lines(struct buffer *json, const char *name, const struct lines *lines)
{
	write_name(json, name);
	for (size_t i = 0; i < lines->length; i++) {
		buffer_text(json, i ? ",\n\t\t" : "[\n\t\t");
		json_string(json, lines->all[i], strlen(lines->all[i]));
	}
	buffer_text(json, lines->length ? "\n\t]" : "null");
}

void state_write(struct buffer *json)
{
	const char *hostname = report_hostname();

	pthread_mutex_lock(&lock);
	buffer_text(json, "{\n\t\"Hostname\": ");
	json_string(json, hostname, strlen(hostname));
	write_counts(json, "Sent", &sent);
	write_counts(json, "Received", &received);
	write_lines(json, "Errors", &errors);
	write_lines(json, "Log", &logged);
	write_name(json, "StillContactingPeers");
	buffer_text(json, done ? "false\n}" : "true\n}");
	pthread_mutex_unlock(&lock);
}
