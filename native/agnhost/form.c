#include "form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int form_unescape(char *text, size_t *length, int plus)
{
	size_t to = 0;

	for (size_t i = 0; i < *length; i++) {
		if (text[i] == '%') {
			if (i + 2 >= *length || !isxdigit((unsigned char)text[i + 1]) || !isxdigit((unsigned char)text[i + 2]))
				return -1;
			text[to++] = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
			i += 2;
		} else {
			text[to++] = plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	*length = to;
	text[to] = '\0';
	return 0;
}

static char *unescaped(const char *text, size_t *length)
{
	char *copy = malloc(*length + 1);

	if (!copy)
		abort();
	memcpy(copy, text, *length);
	copy[*length] = '\0';
	if (form_unescape(copy, length, 1) == 0)
		return copy;
	free(copy);
	return NULL;
}

static char *value_of_pair(const char *pair, size_t length, const char *wanted)
{
	const char *equals = memchr(pair, '=', length);
	size_t name_length = equals ? (size_t)(equals - pair) : length;
	size_t value_length = equals ? length - name_length - 1 : 0;
	char *name, *value = NULL;

	if (length == 0 || memchr(pair, ';', length))
		return NULL;
	name = unescaped(pair, &name_length);
	if (name && name_length == strlen(wanted) && memcmp(name, wanted, name_length) == 0)
		value = unescaped(equals ? equals + 1 : "", &value_length);
	free(name);
	return value;
}

char *form_value(const char *text, size_t length, const char *name)
{
	while (length > 0) {
		const char *end = memchr(text, '&', length);
		size_t pair = end ? (size_t)(end - text) : length;
		char *value = value_of_pair(text, pair, name);

		if (value)
			return value;
		text += pair + (end != NULL);
		length -= pair + (end != NULL);
	}
	return NULL;
}
