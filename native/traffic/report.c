#include "report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "late.h"

/* Latencies in steps of a thirty-second of each power of two: three per cent. */
enum { STEPS = 32, BUCKETS = 40 * STEPS, TOLD = 100, HELD_UP = 900 * MS };

static const char *const names[KINDS] = { "connects", "queries", "kept" };

static struct tally {
	int64_t begun, succeeded, failed, excused, slowest;
	int64_t buckets[BUCKETS];
} tallies[KINDS];

struct event {
	enum kind kind;
	char target[96], how[64];
	int64_t at, took;
	int64_t count;
};

/* Those of one kind, target and way are one entry: with the first's time and the worst's length. */
struct list {
	struct event events[TOLD];
	int size;
};

static struct list failures, excused;
static int64_t started, wall_ms, resent;

void report_start(int64_t now)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
	started = now;
}

void report_begun(enum kind kind)
{
	tallies[kind].begun++;
}

static int bucket_of(int64_t took)
{
	int power = 0;

	if (took < STEPS)
		return took < 0 ? 0 : (int)took;
	while (took >> (power + 1) >= STEPS)
		power++;
	return (power + 1) * STEPS + (int)(took >> power) - STEPS;
}

/* The bucket's upper end. */
static int64_t end_of(int bucket)
{
	int power = bucket / STEPS - 1;

	return power < 0 ? bucket : (int64_t)(STEPS + bucket % STEPS + 1) << power;
}

void report_succeeded(enum kind kind, int64_t took)
{
	struct tally *tally = &tallies[kind];

	tally->succeeded++;
	tally->buckets[bucket_of(took)]++;
	if (took > tally->slowest)
		tally->slowest = took;
}

void report_resent(void)
{
	resent++;
}

static void add(struct list *list, const struct event *event)
{
	for (int i = 0; i < list->size; i++) {
		struct event *known = &list->events[i];

		if (known->kind != event->kind || strcmp(known->target, event->target) || strcmp(known->how, event->how))
			continue;
		known->count++;
		if (event->took > known->took)
			known->took = event->took;
		return;
	}
	if (list->size < TOLD)
		list->events[list->size++] = *event;
}

static struct event event_of(enum kind kind, const char *target, const char *how, int64_t begun, int64_t took)
{
	struct event event = { .kind = kind, .at = begun - started, .took = took, .count = 1 };

	snprintf(event.target, sizeof(event.target), "%s", target);
	snprintf(event.how, sizeof(event.how), "%s", how);
	return event;
}

static void tell(int is_excused, const struct event *event)
{
	struct tally *tally = &tallies[event->kind];

	if (is_excused)
		tally->excused++;
	else
		tally->failed++;
	add(is_excused ? &excused : &failures, event);
}

/* What was done with a connection that nobody looked at for so long says nothing of the network. */
void report_failed(enum kind kind, const char *target, const char *how, int64_t begun, int64_t took)
{
	struct event event = event_of(kind, target, how, begun, took);

	tell(late_between(begun, begun + took) > HELD_UP, &event);
}

int report_if_slow(enum kind kind, const char *target, const char *how, int64_t begun, int64_t limit, int64_t far_late)
{
	int64_t now = now_us(), took = now - begun;
	struct event event;

	if (took <= limit)
		return 0;
	event = event_of(kind, target, how, begun, took);
	tell(took - late_between(begun, now) - far_late <= limit, &event);
	return 1;
}

int64_t report_succeeded_so_far(enum kind kind)
{
	return tallies[kind].succeeded;
}

static double quantile_ms(const struct tally *tally, double part)
{
	int64_t wanted = (int64_t)((double)tally->succeeded * part), seen = 0;

	for (int i = 0; i < BUCKETS; i++) {
		seen += tally->buckets[i];
		if (seen > wanted)
			return (double)end_of(i) / MS;
	}
	return (double)tally->slowest / MS;
}

static void print_tally(enum kind kind)
{
	const struct tally *tally = &tallies[kind];

	printf("\"%s\":{\"begun\":%lld,\"succeeded\":%lld,\"failed\":%lld,\"excused\":%lld,", names[kind],
	       (long long)tally->begun, (long long)tally->succeeded, (long long)tally->failed, (long long)tally->excused);
	printf("\"p50Ms\":%.2f,\"p99Ms\":%.2f,\"p999Ms\":%.2f,\"slowestMs\":%.1f},", quantile_ms(tally, 0.5),
	       quantile_ms(tally, 0.99), quantile_ms(tally, 0.999), (double)tally->slowest / MS);
}

static void print_list(const char *name, const struct list *list)
{
	printf("\"%s\":[", name);
	for (int i = 0; i < list->size; i++) {
		const struct event *event = &list->events[i];

		printf("%s{\"kind\":\"%s\",\"target\":\"%s\",\"how\":\"%s\",\"count\":%lld,\"firstMs\":%lld,\"longestMs\":%lld}",
		       i ? "," : "", names[event->kind], event->target, event->how, (long long)event->count,
		       (long long)event->at / MS, (long long)event->took / MS);
	}
	printf("]");
}

void report_print(int64_t now)
{
	printf("{\"startedAt\":%lld,\"tookMs\":%lld,\"lateLongestMs\":%lld,\"lateMs\":%lld,\"resent\":%lld,", (long long)wall_ms,
	       (long long)(now - started) / MS, (long long)late_longest() / MS, (long long)late_total() / MS,
	       (long long)resent);
	for (int kind = 0; kind < KINDS; kind++)
		print_tally((enum kind)kind);
	print_list("failures", &failures);
	printf(",");
	print_list("excused", &excused);
	printf("}\n");
	fflush(stdout);
}
