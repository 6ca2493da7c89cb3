/* A steady rate that does not wait for answers: what a stall held back is begun at once after it. */
#ifndef PACE_H
#define PACE_H

#include <stdint.h>

struct pace {
	int64_t origin, count;
	int per_second;
};

/* True once for each that is due. */
static inline int pace_due(struct pace *pace, int64_t now)
{
	if (!pace->per_second || pace->origin + pace->count * 1000000 / pace->per_second > now)
		return 0;
	pace->count++;
	return 1;
}

#endif
