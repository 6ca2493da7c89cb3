/* Time, and how late this program itself is: what a busy machine holds up is no fault of the network. */
#ifndef LATE_H
#define LATE_H

#include <stdint.h>

enum { MS = 1000, SECOND = 1000000 };

/* Monotonic, in microseconds. */
int64_t now_us(void);

/* At each turn of the loop, which is meant to take no longer than some milliseconds: what is longer was a stall. */
void late_turn(int64_t now);
/* How much of the time between the two this program was held up, microseconds; of the last ten seconds or so. */
int64_t late_between(int64_t from, int64_t to);
/* The longest stall, and all together, since the start. */
int64_t late_longest(void);
int64_t late_total(void);

#endif
