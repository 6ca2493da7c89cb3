#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
	if (!memory) {
		fputs("launcher: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *allocate(size_t count, size_t size)
{
	return need(calloc(count, size));
}

void *reallocate(void *memory, size_t count, size_t size)
{
	return need(reallocarray(memory, count, size));
}

char *copy_text(const char *text)
{
	return need(strdup(text));
}
