#include "late.h"

#include <time.h>

/* A turn that waits takes a few milliseconds, also on a machine at rest. */
enum { USUAL = 15 * MS, STALLS = 1024 };

static struct stall {
	int64_t from, to;
} stalls[STALLS];
static unsigned int count;
static int64_t last, longest, total;

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

void late_turn(int64_t now)
{
	int64_t took = now - last;

	if (last && took > USUAL) {
		stalls[count++ % STALLS] = (struct stall){ last, now };
		total += took;
		if (took > longest)
			longest = took;
	}
	last = now;
}

static int64_t overlap(const struct stall *stall, int64_t from, int64_t to)
{
	int64_t begin = stall->from > from ? stall->from : from;
	int64_t end = stall->to < to ? stall->to : to;

	return end > begin ? end - begin : 0;
}

int64_t late_between(int64_t from, int64_t to)
{
	unsigned int kept = count < STALLS ? count : STALLS;
	int64_t sum = 0;

	/* From the newest: most of the time there is none to look at. */
	for (unsigned int i = 1; i <= kept; i++) {
		const struct stall *stall = &stalls[(count - i) % STALLS];

		if (stall->to <= from)
			break;
		sum += overlap(stall, from, to);
	}
	/* The turn that is under way. */
	if (last && to - last > USUAL)
		sum += overlap(&(struct stall){ last, to }, from, to);
	return sum;
}

int64_t late_longest(void)
{
	return longest;
}

int64_t late_total(void)
{
	return total;
}
