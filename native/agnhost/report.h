/* What a command says of itself, as Go's log package and cobra write it. */
#ifndef REPORT_H
#define REPORT_H

/* A line on stderr, with date and time before it. */
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, then exit status 1. */
void report_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* `Error: …` of a wrong command line, then exit status 1. */
void report_usage(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The host's name; fatal where there is none. */
const char *report_hostname(void);

#endif
