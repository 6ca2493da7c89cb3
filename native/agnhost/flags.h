/* Command lines as cobra reads them: `--name value`, `--name=value`, `-n value`, a bare `--name` for a bool. */
#ifndef FLAGS_H
#define FLAGS_H

#include <stdint.h>

struct flag {
	const char *name;
	enum { FLAG_TEXT, FLAG_INT, FLAG_BOOL, FLAG_DURATION } kind;
	/* const char **, int *, int * or int64_t * (nanoseconds). */
	void *value;
	char letter;
};

/*
 * Reads the flags, up to one without a name; the arguments that are left move to the front of `argv`.
 * Exits with 1 on what no flag takes. Returns how many are left.
 */
int flags_read(const struct flag *flags, int argc, char **argv);

/* Go's durations, such as 1m30s or 2.5ms; -1 when it is none. */
int flags_duration(const char *text, int64_t *nanoseconds);
/* A decimal number alone, with a sign or without; -1 when it is none. */
int flags_number(const char *text, int *number);

#endif
