/* The little JSON the shim needs: to find a top-level string in the configuration, and to write strings. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdio.h>

/*
 * Copies the string value of a key of the outermost object, NUL-terminated; 0 when found. Tolerant: it does not
 * judge whether the rest is JSON. Absent, not a string, longer than `size`, or with a \u escape: -1.
 */
int json_find_string(const char *json, size_t length, const char *key, char *value, size_t size);

/* Writes a JSON string with its quotes. Bytes above 0x7f pass as they are. */
void json_print_string(FILE *out, const char *text, size_t length);

#endif
