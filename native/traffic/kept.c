#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../standin/loop.h"
#include "late.h"
#include "load.h"
#include "report.h"
#include "target.h"

enum { EVERY = 50 * MS, LIMIT = 900 * MS, LOST = 10 * SECOND, AGAIN = SECOND, TARGETS = 64, RING = 512 };

static struct kept {
	struct source source;
	struct target target;
	int connected;
	/* When each byte that has not come back was sent. */
	int64_t sent[RING];
	unsigned int first, next;
	int64_t due, begun;
} all[TARGETS];
static int count;

int kept_target(const char *text)
{
	if (count == TARGETS)
		return -1;
	all[count].source.fd = -1;
	return target_read(&all[count++].target, text);
}

/* Another connection takes its place, so that what comes later is seen too. */
static void broken(struct kept *kept, const char *how, int64_t since)
{
	int64_t now = now_us();

	report_failed(KEPT, kept->target.text, how, since, now - since);
	loop_close(&kept->source);
	kept->connected = 0;
	kept->due = now + AGAIN;
}

/* Each byte that comes back tells how late the server was of late, in units of 10 ms. */
static void on_byte(struct kept *kept, unsigned char byte)
{
	int64_t sent = kept->sent[kept->first++ % RING];

	if (!report_if_slow(KEPT, kept->target.text, "stalled", sent, LIMIT, (int64_t)byte * 10 * MS))
		report_succeeded(KEPT, now_us() - sent);
}

static void on_event(struct source *source, uint32_t events)
{
	struct kept *kept = (struct kept *)source;
	unsigned char bytes[64];
	ssize_t size = recv(source->fd, bytes, sizeof(bytes), 0);

	(void)events;
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0) {
		broken(kept, size < 0 ? strerror(errno) : "closed by the server", kept->begun);
		return;
	}
	for (ssize_t i = 0; i < size && kept->first != kept->next; i++)
		on_byte(kept, bytes[i]);
}

static void on_connected(struct source *source, uint32_t events)
{
	struct kept *kept = (struct kept *)source;
	int error = 0;
	socklen_t size = sizeof(error);

	(void)events;
	getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		broken(kept, strerror(error), kept->begun);
		return;
	}
	kept->connected = 1;
	kept->due = now_us();
	source->ready = on_event;
	loop_modify(source, EPOLLIN);
}

static void begin(struct kept *kept, int64_t now)
{
	int fd = target_connect(&kept->target, SOCK_STREAM);

	kept->begun = now;
	kept->first = kept->next = 0;
	if (fd < 0) {
		report_failed(KEPT, kept->target.text, strerror(errno), now, 0);
		kept->due = now + AGAIN;
		return;
	}
	kept->source = (struct source){ .fd = fd, .ready = on_connected };
	loop_add(&kept->source, EPOLLOUT);
}

static void send_due(struct kept *kept, int64_t now)
{
	for (; kept->due <= now && kept->next - kept->first < RING; kept->due += EVERY) {
		report_begun(KEPT);
		if (send(kept->source.fd, "k", 1, MSG_NOSIGNAL) != 1) {
			broken(kept, strerror(errno), kept->begun);
			return;
		}
		kept->sent[kept->next++ % RING] = now_us();
	}
}

static void tick(struct kept *kept, int64_t now, int ending)
{
	int64_t since = kept->connected ? kept->sent[kept->first % RING] : kept->begun;
	int waits = kept->source.fd >= 0 && (!kept->connected || kept->first != kept->next);

	if (waits && now - since - late_between(since, now) > LOST)
		broken(kept, "nothing for 10 s", since);
	else if (!ending && kept->connected)
		send_due(kept, now);
	else if (!ending && kept->source.fd < 0 && kept->due <= now)
		begin(kept, now);
}

void kept_tick(int64_t now, int ending)
{
	for (int i = 0; i < count; i++)
		tick(&all[i], now, ending);
}

/* Those that wait for bytes to come back. */
int kept_open(void)
{
	int open = 0;

	for (int i = 0; i < count; i++)
		open += all[i].connected && all[i].first != all[i].next;
	return open;
}

int kept_owns(const struct source *source)
{
	return (const char *)source >= (const char *)all && (const char *)source < (const char *)(all + TARGETS);
}

int kept_ready(void)
{
	for (int i = 0; i < count; i++)
		if (!all[i].connected || !all[i].first)
			return 0;
	return 1;
}
