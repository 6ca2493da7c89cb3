/* /header: a header of the request, or all of them as JSON with sorted names. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "netexec.h"

enum { HEADERS_MAX = 512 };

struct header {
	char *name;
	struct slice value;
	int order;
};

/* Go's canonical form: `x-real-ip` is `X-Real-Ip`. */
static void canonical(char *name)
{
	for (int upper = 1; *name; name++) {
		*name = (char)(upper ? toupper((unsigned char)*name) : tolower((unsigned char)*name));
		upper = *name == '-';
	}
}

static int by_name(const void *a, const void *b)
{
	const struct header *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : left->order - right->order;
}

static int read_headers(const struct slice *all, struct header *headers)
{
	const char *at = all->text, *end = at + all->length;
	int count = 0;

	while (at < end && count < HEADERS_MAX) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
		const char *colon = memchr(at, ':', (size_t)(stop - at)), *value;

		if (!colon)
			break;
		for (value = colon + 1; value < stop && strchr(" \t", *value); value++)
			;
		while (stop > value && strchr(" \t\r", stop[-1]))
			stop--;
		headers[count] = (struct header){ strndup(at, (size_t)(colon - at)), { value, (size_t)(stop - value) }, count };
		canonical(headers[count].name);
		/* Go keeps the host apart. */
		if (strcmp(headers[count].name, "Host") == 0)
			free(headers[count].name);
		else
			count++;
		at = newline ? newline + 1 : end;
	}
	qsort(headers, (size_t)count, sizeof *headers, by_name);
	return count;
}

static void write_all(struct exchange *exchange)
{
	struct header headers[HEADERS_MAX];
	int count = read_headers(&exchange->request.headers, headers);
	struct buffer *json = &exchange->answer;

	buffer_text(json, "{");
	for (int i = 0; i < count; i++) {
		int again = i > 0 && strcmp(headers[i].name, headers[i - 1].name) == 0;

		buffer_text(json, again ? "," : i > 0 ? "]," : "");
		if (!again) {
			json_string(json, headers[i].name, strlen(headers[i].name));
			buffer_text(json, ":[");
		}
		json_string(json, headers[i].value.text, headers[i].value.length);
	}
	buffer_text(json, count ? "]}" : "}");
	for (int i = 0; i < count; i++)
		free(headers[i].name);
}

void netexec_header(struct exchange *exchange)
{
	char *key = request_value(exchange, "key");
	struct slice value = request_header(exchange, key);

	if (*key == '\0')
		write_all(exchange);
	else if (strcasecmp(key, "Host") != 0)
		buffer_append(&exchange->answer, value.text, value.length);
	free(key);
}
