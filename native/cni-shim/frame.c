#include "frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "json.h"

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static void write_environment(FILE *out, char *const *environment)
{
	const char *separator = "";

	for (; *environment; environment++) {
		const char *equals = strchr(*environment, '=');

		if (strncmp(*environment, "CNI_", 4) != 0 || !equals)
			continue;
		fputs(separator, out);
		json_print_string(out, *environment, (size_t)(equals - *environment));
		fputc(':', out);
		json_print_string(out, equals + 1, strlen(equals + 1));
		separator = ",";
	}
}

int frame_send(int fd, char *const *environment, const char *config, size_t config_length)
{
	char *text = NULL;
	size_t length = 0;
	uint32_t header;
	FILE *out = open_memstream(&text, &length);
	int failed;

	if (!out)
		return -1;
	fputs("{\"env\":{", out);
	write_environment(out, environment);
	fputs("},\"config\":", out);
	if (config_length == 0)
		fputs("null", out);
	fwrite(config, 1, config_length, out);
	fputc('}', out);
	if (fclose(out) != 0)
		return -1;
	header = htonl((uint32_t)length);
	failed = write_all(fd, (char *)&header, sizeof header) || write_all(fd, text, length) || shutdown(fd, SHUT_WR);
	free(text);
	return failed ? -1 : 0;
}

/* Whether the text is one whole object, as far as its ends tell: an answer cut short ends elsewhere. */
static int is_whole(const char *json, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", json[length - 1]))
		length--;
	return length == 0 || (json[0] == '{' && json[length - 1] == '}');
}

int frame_receive(int fd, struct answer *answer)
{
	size_t have = 0;
	char *buffer = malloc(FRAME_ANSWER_MAX + sizeof(uint32_t));

	if (!buffer)
		return -1;
	for (;;) {
		ssize_t n = read(fd, buffer + have, FRAME_ANSWER_MAX + sizeof(uint32_t) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	errno = EPROTO;
	if (have < sizeof(uint32_t))
		return -1;
	memcpy(&answer->status, buffer, sizeof(uint32_t));
	answer->status = ntohl(answer->status);
	answer->json = buffer + sizeof(uint32_t);
	answer->length = have - sizeof(uint32_t);
	return is_whole(answer->json, answer->length) ? 0 : -1;
}
