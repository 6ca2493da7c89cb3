#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void line(const char *format, va_list arguments)
{
	char text[4096], when[32];
	time_t now = time(NULL);
	struct tm parts;

	localtime_r(&now, &parts);
	strftime(when, sizeof when, "%Y/%m/%d %H:%M:%S", &parts);
	vsnprintf(text, sizeof text, format, arguments);
	fprintf(stderr, "%s %s\n", when, text);
}

void report(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line(format, arguments);
	va_end(arguments);
}

void report_fatal(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line(format, arguments);
	va_end(arguments);
	exit(1);
}

void report_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("Error: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("\n", stderr);
	va_end(arguments);
	exit(1);
}

const char *report_hostname(void)
{
	static _Thread_local char name[256];

	if (gethostname(name, sizeof name - 1) != 0)
		report_fatal("Error occurred: failed to get hostname:%s", strerror(errno));
	return name;
}
