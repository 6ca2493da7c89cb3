#include "flags.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

int flags_number(const char *text, int *number)
{
	char *end;
	long value;

	if (strspn(text, "+-0123456789") != strlen(text) || *text == '\0')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	if (*end != '\0' || errno != 0 || value > INT_MAX || value < INT_MIN || strchr("+-", end[-1]))
		return -1;
	*number = (int)value;
	return 0;
}

/* The unit's length in the text, and its nanoseconds. */
static size_t unit(const char *text, double *nanoseconds)
{
	static const struct {
		const char *name;
		double nanoseconds;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "µs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strncmp(text, units[i].name, strlen(units[i].name)) != 0)
			continue;
		*nanoseconds = units[i].nanoseconds;
		return strlen(units[i].name);
	}
	return 0;
}

int flags_duration(const char *text, int64_t *nanoseconds)
{
	double total = 0, sign = *text == '-' ? -1 : 1;

	text += *text == '-' || *text == '+';
	*nanoseconds = 0;
	if (strcmp(text, "0") == 0)
		return 0;
	if (*text == '\0')
		return -1;
	while (*text) {
		size_t digits = strspn(text, "0123456789.");
		double scale, number;
		char *end;

		if (digits == 0)
			return -1;
		number = strtod(text, &end);
		if (end != text + digits)
			return -1;
		text += digits;
		digits = unit(text, &scale);
		if (digits == 0)
			return -1;
		text += digits;
		total += number * scale;
	}
	if (total > 9e18)
		return -1;
	*nanoseconds = (int64_t)(sign * total);
	return 0;
}

static void set(const struct flag *flag, const char *text)
{
	int wrong = 0;

	if (flag->kind == FLAG_TEXT)
		*(const char **)flag->value = text;
	else if (flag->kind == FLAG_INT)
		wrong = flags_number(text, flag->value);
	else if (flag->kind == FLAG_DURATION)
		wrong = flags_duration(text, flag->value);
	else if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*(int *)flag->value = 1;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*(int *)flag->value = 0;
	else
		wrong = 1;
	if (wrong)
		report_usage("invalid argument \"%s\" for \"--%s\" flag", text, flag->name);
}

static const struct flag *find(const struct flag *flags, const char *word)
{
	size_t length = strcspn(word, "=");

	for (; flags->name; flags++) {
		if (word[1] == '-' && strlen(flags->name) == length - 2 && memcmp(flags->name, word + 2, length - 2) == 0)
			return flags;
		if (word[1] != '-' && length == 2 && flags->letter == word[1])
			return flags;
	}
	report_usage(word[1] == '-' ? "unknown flag: %.*s" : "unknown shorthand flag: %.*s", (int)length, word);
}

static void help(const struct flag *flags)
{
	static const char *const kinds[] = { [FLAG_TEXT] = "string", [FLAG_INT] = "int", [FLAG_BOOL] = "", [FLAG_DURATION] = "duration" };

	puts("Flags:");
	for (; flags->name; flags++)
		printf("  --%s %s\n", flags->name, kinds[flags->kind]);
	exit(0);
}

int flags_read(const struct flag *flags, int argc, char **argv)
{
	int left = 0, ended = 0;

	for (int i = 0; i < argc; i++) {
		char *word = argv[i], *value = strchr(word, '=');

		if (ended || word[0] != '-' || word[1] == '\0') {
			argv[left++] = word;
		} else if (strcmp(word, "--") == 0) {
			ended = 1;
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			help(flags);
		} else {
			const struct flag *flag = find(flags, word);

			if (value)
				set(flag, value + 1);
			else if (flag->kind == FLAG_BOOL)
				set(flag, "true");
			else if (++i < argc)
				set(flag, argv[i]);
			else
				report_usage("flag needs an argument: %s", word);
		}
	}
	return left;
}
