#pragma once

#include <stddef.h>

/* Zeroed memory. Ends the process where there is none: nothing could be done about it that needs none. */
void *allocate(size_t count, size_t size);
