#include "json.h"

#include <stdio.h>
#include <string.h>

size_t json_sequence(const unsigned char *text, size_t length)
{
	size_t size = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;

	if (*text < 0xc2 || *text > 0xf4 || length < size)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f) || (*text == 0xf0 && text[1] < 0x90) ||
	    (*text == 0xf4 && text[1] > 0x8f))
		return 0;
	return size;
}

static void escape(struct buffer *json, unsigned char c)
{
	static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *at = c ? strchr(named, c) : NULL;
	char text[8];

	if (at)
		snprintf(text, sizeof text, "\\%c", names[at - named]);
	else
		snprintf(text, sizeof text, "\\u%04x", c);
	buffer_text(json, text);
}

void json_string(struct buffer *json, const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + length;

	buffer_text(json, "\"");
	while (at < end) {
		size_t size = 1;

		if (*at >= 0x80) {
			size = json_sequence(at, (size_t)(end - at));
			/* Line and paragraph separator end a line in JavaScript. */
			if (size == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
				buffer_text(json, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
			else if (size > 0)
				buffer_append(json, at, size);
			else
				buffer_text(json, "\\ufffd");
			size += size == 0;
		} else if (*at < 0x20 || strchr("\"\\<>&", *at)) {
			escape(json, *at);
		} else {
			buffer_append(json, at, 1);
		}
		at += size;
	}
	buffer_text(json, "\"");
}
