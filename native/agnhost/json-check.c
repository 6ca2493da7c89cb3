/* Whether a text is JSON, and what Go's encoding/json says when it is not. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "json-read.h"

/* As in Go: what is nested deeper is refused. */
enum { DEPTH_MAX = 10000 };

struct check {
	const char *at, *end;
	/* What was expected where the text stops being JSON; NULL where it ends too early. */
	const char *expected;
	/* The brackets that are open. */
	struct buffer open;
};

static int fail(struct check *check, const char *expected)
{
	check->expected = check->at < check->end ? expected : NULL;
	return -1;
}

static int space(struct check *check)
{
	while (check->at < check->end && *check->at && strchr(" \t\r\n", *check->at))
		check->at++;
	return check->at < check->end ? *check->at : '\0';
}

static int is_digit(const struct check *check)
{
	return check->at < check->end && isdigit((unsigned char)*check->at);
}

static int literal(struct check *check, const char *word)
{
	static _Thread_local char expected[48];

	for (size_t i = 1; word[i]; i++) {
		check->at++;
		snprintf(expected, sizeof expected, "in literal %s (expecting '%c')", word, word[i]);
		if (check->at == check->end || *check->at != word[i])
			return fail(check, expected);
	}
	check->at++;
	return 0;
}

static int digits(struct check *check, const char *expected)
{
	if (!is_digit(check))
		return fail(check, expected);
	while (is_digit(check))
		check->at++;
	return 0;
}

static int number(struct check *check)
{
	check->at += *check->at == '-';
	if (check->at < check->end && *check->at == '0')
		check->at++;
	else if (digits(check, "in numeric literal") != 0)
		return -1;
	if (check->at < check->end && *check->at == '.') {
		check->at++;
		if (digits(check, "after decimal point in numeric literal") != 0)
			return -1;
	}
	if (check->at == check->end || (*check->at | 0x20) != 'e')
		return 0;
	check->at++;
	check->at += check->at < check->end && (*check->at == '+' || *check->at == '-');
	return digits(check, "in exponent of numeric literal");
}

static int escape(struct check *check)
{
	check->at++;
	if (check->at == check->end || !*check->at || !strchr("bfnrt\\/\"u", *check->at))
		return fail(check, "in string escape code");
	if (*check->at == 'u')
		for (int i = 0; i < 4; i++) {
			check->at++;
			if (check->at == check->end || !isxdigit((unsigned char)*check->at))
				return fail(check, "in \\u hexadecimal character escape");
		}
	check->at++;
	return 0;
}

static int string(struct check *check)
{
	check->at++;
	while (check->at < check->end && *check->at != '"') {
		if ((unsigned char)*check->at < 0x20)
			return fail(check, "in string literal");
		if (*check->at != '\\')
			check->at++;
		else if (escape(check) != 0)
			return -1;
	}
	if (check->at == check->end)
		return fail(check, NULL);
	check->at++;
	return 0;
}

static int key(struct check *check)
{
	if (space(check) != '"')
		return fail(check, "looking for beginning of object key string");
	if (string(check) != 0)
		return -1;
	if (space(check) != ':')
		return fail(check, "after object key");
	check->at++;
	return 0;
}

/* Up to a scalar or an empty object or array: what is opened before it stays open. */
static int begin(struct check *check)
{
	for (;;) {
		int c = space(check);

		if (c == '{' || c == '[') {
			if (check->open.length == DEPTH_MAX)
				return fail(check, "exceeded max depth");
			buffer_append(&check->open, &(char){ (char)c }, 1);
			check->at++;
			/* Closing comes next. */
			if (space(check) == (c == '{' ? '}' : ']'))
				return 0;
			if (c == '{' && key(check) != 0)
				return -1;
			continue;
		}
		if (c == '"')
			return string(check);
		if (c == '-' || is_digit(check))
			return number(check);
		return c == 't' ? literal(check, "true")
		     : c == 'f' ? literal(check, "false")
		     : c == 'n' ? literal(check, "null")
				: fail(check, "looking for beginning of value");
	}
}

static int whole(struct check *check)
{
	if (begin(check) != 0)
		return -1;
	while (check->open.length > 0) {
		int object = check->open.bytes[check->open.length - 1] == '{', c = space(check);

		if (c == (object ? '}' : ']')) {
			check->open.length--;
			check->at++;
		} else if (c != ',') {
			return fail(check, object ? "after object key:value pair" : "after array element");
		} else {
			check->at++;
			if ((object && key(check) != 0) || begin(check) != 0)
				return -1;
		}
	}
	return 0;
}

/* A byte as Go quotes the character of its number. */
static void quote(unsigned char c, char *text, size_t size)
{
	static const char special[] = "\a\b\f\n\r\t\v\\'", names[] = "abfnrtv\\'";
	const char *at = c ? strchr(special, c) : NULL;

	if (at)
		snprintf(text, size, "\\%c", names[at - special]);
	else if (c < 0x20 || c == 0x7f)
		snprintf(text, size, "\\x%02x", c);
	else if (c < 0x7f)
		snprintf(text, size, "%c", c);
	else if (c <= 0xa0 || c == 0xad)
		snprintf(text, size, "\\u%04x", c);
	else
		snprintf(text, size, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

struct slice json_value(const char *text, size_t length, int alone, char *problem, size_t size)
{
	struct check check = { .at = text, .end = text + length };
	struct slice value = { 0 };
	const char *start;
	char character[8];
	int failed;

	space(&check);
	start = check.at;
	failed = whole(&check);
	buffer_free(&check.open);
	value = (struct slice){ start, (size_t)(check.at - start) };
	if (!failed && alone) {
		space(&check);
		failed = check.at < check.end ? fail(&check, "after top-level value") : 0;
	}
	if (!failed)
		return value;
	if (!check.expected) {
		snprintf(problem, size, "%s", alone ? "unexpected end of JSON input" : start == check.end ? "EOF" : "unexpected EOF");
	} else {
		quote((unsigned char)*check.at, character, sizeof character);
		snprintf(problem, size, "invalid character '%s' %s", character, check.expected);
	}
	return (struct slice){ 0 };
}
