#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		fputs("launcher: out of memory\n", stderr);
		abort();
	}
	return memory;
}
