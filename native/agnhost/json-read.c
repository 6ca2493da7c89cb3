#include "json-read.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "json.h"

const char *json_kind(struct slice value)
{
	switch (value.length ? *value.text : 'n') {
	case '{':
		return "object";
	case '[':
		return "array";
	case '"':
		return "string";
	case 't':
	case 'f':
		return "bool";
	case 'n':
		return "null";
	default:
		return "number";
	}
}

/* Behind the string that begins here. */
static const char *skip_string(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

/* Behind the value that begins here, within an object or array. */
static const char *skip(const char *at)
{
	int depth = 0;

	if (*at != '"' && *at != '{' && *at != '[')
		return at + strcspn(at, " \t\r\n,]}");
	do {
		if (*at == '"') {
			at = skip_string(at);
		} else {
			depth += *at == '{' || *at == '[';
			depth -= *at == '}' || *at == ']';
			at++;
		}
	} while (depth > 0);
	return at;
}

static const char *next(const char *at)
{
	return at + strspn(at, " \t\r\n,:");
}

struct slice json_member(struct slice object, const char *name)
{
	const char *at = object.text + 1;
	struct slice found = { 0 };

	if (strcmp(json_kind(object), "object") != 0)
		return found;
	for (at = next(at); *at == '"'; at = next(at)) {
		struct buffer key = { 0 };
		const char *value = next(skip_string(at)), *after = skip(value);

		json_text((struct slice){ at, (size_t)(value - at) }, &key);
		if (*value != 'n' && key.length == strlen(name) && strncasecmp(key.bytes, name, key.length) == 0)
			found = (struct slice){ value, (size_t)(after - value) };
		buffer_free(&key);
		at = after;
	}
	return found;
}

int json_next(struct slice array, struct slice *element)
{
	const char *at = element->text ? element->text + element->length : array.text + 1;

	if (strcmp(json_kind(array), "array") != 0)
		return 0;
	at = next(at);
	*element = (struct slice){ at, 0 };
	if (*at == ']')
		return 0;
	element->length = (size_t)(skip(at) - at);
	return 1;
}

static uint32_t hexadecimal(const char *digits)
{
	uint32_t number = 0;

	for (int i = 0; i < 4; i++)
		number = number << 4 | (uint32_t)(isdigit((unsigned char)digits[i]) ? digits[i] - '0' : (digits[i] | 0x20) - 'a' + 10);
	return number;
}

static void append_character(struct buffer *text, uint32_t c)
{
	if (c < 0x80)
		buffer_append(text, (char[]){ (char)c }, 1);
	else if (c < 0x800)
		buffer_append(text, (char[]){ (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) }, 2);
	else if (c < 0x10000)
		buffer_append(text, (char[]){ (char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)) }, 3);
	else
		buffer_append(text,
			      (char[]){ (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)), (char)(0x80 | (c >> 6 & 0x3f)),
					(char)(0x80 | (c & 0x3f)) },
			      4);
}

/* Takes the digits behind `\u`, and the second half of a pair; a half alone is U+FFFD. Behind what was taken. */
static const char *take_unicode(const char *at, struct buffer *text)
{
	uint32_t c = hexadecimal(at), low;

	at += 4;
	if (c < 0xd800 || c > 0xdfff)
		return append_character(text, c), at;
	low = c < 0xdc00 && at[0] == '\\' && at[1] == 'u' ? hexadecimal(at + 2) : 0;
	if (low < 0xdc00 || low > 0xdfff)
		return append_character(text, 0xfffd), at;
	append_character(text, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
	return at + 6;
}

/* Takes a byte or a character; a byte that belongs to none is U+FFFD. Behind what was taken. */
static const char *take_raw(const char *at, const char *end, struct buffer *text)
{
	size_t size = (unsigned char)*at < 0x80 ? 1 : json_sequence((const unsigned char *)at, (size_t)(end - at));

	if (size > 0)
		buffer_append(text, at, size);
	else
		append_character(text, 0xfffd);
	return at + (size ? size : 1);
}

void json_text(struct slice string, struct buffer *text)
{
	static const char names[] = "bfnrt", characters[] = "\b\f\n\r\t";
	const char *at = string.text + 1, *end = string.text + string.length, *name;

	if (strcmp(json_kind(string), "string") != 0)
		return;
	while (*at != '"') {
		if (*at != '\\') {
			at = take_raw(at, end, text);
		} else if (at[1] == 'u') {
			at = take_unicode(at + 2, text);
		} else {
			name = strchr(names, at[1]);
			buffer_append(text, name ? &characters[name - names] : at + 1, 1);
			at += 2;
		}
	}
}
