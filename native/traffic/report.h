/* What became of the traffic, as one line of JSON. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

enum kind { CONNECT, QUERY, KEPT, KINDS };

void report_start(int64_t now);
void report_begun(enum kind kind);
/* After so many microseconds. */
void report_succeeded(enum kind kind, int64_t took);
/* A segment of an open connection was sent twice: told, and no failure. */
void report_resent(void);
/*
 * `how` says what happened, without numbers that differ each time. Where this program was held up meanwhile, for as long as
 * a SYN is waited for, it is told as excused.
 */
void report_failed(enum kind kind, const char *target, const char *how, int64_t begun, int64_t took);
/*
 * True where it took longer than the limit. A failure of the network's, unless this program, or the far end by its own
 * word, was held up for what is too long of it: then it is told as excused.
 */
int report_if_slow(enum kind kind, const char *target, const char *how, int64_t begun, int64_t limit, int64_t far_late);
int64_t report_succeeded_so_far(enum kind kind);
void report_print(int64_t now);

#endif
