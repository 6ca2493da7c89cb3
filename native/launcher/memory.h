#pragma once

#include <stddef.h>

/* These end the process where there is no memory: nothing could be done about it that needs none. */

/* Zeroed. */
void *allocate(size_t count, size_t size);
/* The same with another size; what is new is not zeroed. */
void *reallocate(void *memory, size_t count, size_t size);
char *copy_text(const char *text);
