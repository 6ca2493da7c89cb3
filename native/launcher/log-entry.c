#include "log-entry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OUT_MAX = 256 << 10, HEAD_LENGTH = 40, TAG_AT = 38 };

static char out[OUT_MAX];
static size_t out_length;

static void flush(struct log_sink *sink)
{
	if (out_length > 0)
		sink->write(sink, out, out_length);
	out_length = 0;
}

static void add(struct log_sink *sink, const char *head, char tag, const char *text, size_t length)
{
	if (out_length + HEAD_LENGTH + length + 1 > sizeof out)
		flush(sink);
	memcpy(out + out_length, head, HEAD_LENGTH);
	out[out_length + TAG_AT] = tag;
	memcpy(out + out_length + HEAD_LENGTH, text, length);
	out_length += HEAD_LENGTH + length;
	out[out_length++] = '\n';
}

static void write_head(char head[HEAD_LENGTH + 1], const char *stream)
{
	char seconds[24];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
	snprintf(head, HEAD_LENGTH + 1, "%s.%09ldZ %s F ", seconds, now.tv_nsec, stream);
}

size_t log_entries(struct log_sink *sink, const char *stream, const char *bytes, size_t length, int rest)
{
	char head[HEAD_LENGTH + 1];
	size_t taken = 0;

	write_head(head, stream);
	while (taken < length) {
		const char *text = bytes + taken;
		size_t left = length - taken;
		const char *end = memchr(text, '\n', left > LINE_MAX_BYTES ? LINE_MAX_BYTES + 1 : left);
		size_t part = end ? (size_t)(end - text) : left > LINE_MAX_BYTES ? LINE_MAX_BYTES : left;

		if (!end && part == left && !rest)
			break;
		add(sink, head, end ? 'F' : 'P', text, part);
		taken += part + (end ? 1 : 0);
	}
	flush(sink);
	return taken;
}
