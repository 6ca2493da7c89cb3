#include "json.h"

#include <string.h>

struct scanner {
	const char *at;
	const char *end;
};

static void skip_space(struct scanner *s)
{
	while (s->at < s->end && *s->at && strchr(" \t\r\n", *s->at))
		s->at++;
}

static char unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	default:
		return c;
	}
}

/* Reads a string whose opening quote is next, to past its closing quote; -1 when it does not fit or end. */
static int read_string(struct scanner *s, char *value, size_t size)
{
	size_t used = 0;
	int fits = 1;

	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		char c = *s->at;

		if (c == '\\') {
			if (++s->at == s->end)
				return -1;
			fits &= *s->at != 'u';
			c = unescape(*s->at);
		}
		if (used + 1 < size)
			value[used++] = c;
		else
			fits = 0;
	}
	if (s->at == s->end)
		return -1;
	s->at++;
	value[used] = '\0';
	return fits ? 0 : -1;
}

int json_find_string(const char *json, size_t length, const char *key, char *value, size_t size)
{
	struct scanner s = { json, json + length };
	char name[64];
	int depth = 0;

	while (s.at < s.end) {
		if (*s.at == '{' || *s.at == '[')
			depth++;
		if (*s.at == '}' || *s.at == ']')
			depth--;
		if (*s.at != '"') {
			s.at++;
			continue;
		}
		int is_key = read_string(&s, name, sizeof name) == 0 && depth == 1 && strcmp(name, key) == 0;

		skip_space(&s);
		if (!is_key || s.at == s.end || *s.at != ':')
			continue;
		s.at++;
		skip_space(&s);
		return s.at < s.end && *s.at == '"' ? read_string(&s, value, size) : -1;
	}
	return -1;
}

void json_print_string(FILE *out, const char *text, size_t length)
{
	fputc('"', out);
	for (; length > 0; text++, length--) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}
