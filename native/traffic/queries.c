#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "../standin/loop.h"
#include "late.h"
#include "load.h"
#include "pace.h"
#include "report.h"
#include "target.h"

/* An answer that comes later than it may is waited for, to tell it from one that is lost. */
enum { LIMIT = SECOND, WAIT = 3 * SECOND, NAMES = 32, TYPE_A = 1, TYPE_AAAA = 28, MOST = 512 };

struct question {
	struct source source;
	TAILQ_ENTRY(question) entry;
	const char *name;
	int64_t begun;
	uint16_t id;
};

static TAILQ_HEAD(, question) questions = TAILQ_HEAD_INITIALIZER(questions);
static struct target server;
static const char *names[NAMES];
static int name_count, under_way;
static struct pace pace;

void queries_rate(int per_second)
{
	pace.per_second = per_second;
}

static int read_resolv_conf(struct target *target)
{
	FILE *file = fopen("/etc/resolv.conf", "r");
	char line[256], host[64], text[80];
	int found = -1;

	while (file && found < 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "nameserver %63s", host) != 1)
			continue;
		snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]:53" : "%s:53", host);
		found = target_read(target, text);
	}
	if (file)
		fclose(file);
	return found;
}

int queries_server(const char *text)
{
	return strcmp(text, "-") ? target_read(&server, text) : read_resolv_conf(&server);
}

int queries_name(const char *name)
{
	if (name_count == NAMES || strlen(name) > 200)
		return -1;
	names[name_count++] = name;
	return 0;
}

/* Labels behind their lengths (RFC 1035, 3.1); the name ends with or without its dot. */
static unsigned char *put_name(unsigned char *at, const char *name, int64_t number)
{
	char text[256];
	const char *star = strchr(name, '*');

	if (star)
		snprintf(text, sizeof(text), "%.*sq%lld%s", (int)(star - name), name, (long long)number, star + 1);
	else
		snprintf(text, sizeof(text), "%s", name);
	for (const char *label = text; *label;) {
		size_t length = strcspn(label, ".");

		*at++ = (unsigned char)length;
		memcpy(at, label, length);
		at += length;
		label += length + (label[length] == '.');
	}
	*at++ = 0;
	return at;
}

static int encode(unsigned char *message, const struct question *question, int type, int64_t number)
{
	unsigned char *at = message + 12;

	memset(message, 0, 12);
	message[0] = question->id >> 8;
	message[1] = question->id & 255;
	message[2] = 1; /* recursion desired */
	message[5] = 1;
	at = put_name(at, question->name, number);
	memcpy(at, "\0\0\0\1", 4);
	at[1] = (unsigned char)type;
	return (int)(at + 4 - message);
}

static void end(struct question *question)
{
	TAILQ_REMOVE(&questions, question, entry);
	under_way--;
	loop_close(&question->source);
}

static void fail(struct question *question, const char *how)
{
	report_failed(QUERY, question->name, how, question->begun, now_us() - question->begun);
	end(question);
}

static void on_answer(struct source *source, uint32_t events)
{
	struct question *question = (struct question *)source;
	unsigned char reply[4096];
	char how[32];
	ssize_t size = recv(source->fd, reply, sizeof(reply), 0);

	(void)events;
	if (size < 0) {
		if (errno != EAGAIN)
			fail(question, strerror(errno));
		return;
	}
	if (size < 12 || (reply[0] << 8 | reply[1]) != question->id || !(reply[2] & 128))
		return;
	snprintf(how, sizeof(how), "response code %d", reply[3] & 15);
	if (reply[3] & 15) {
		fail(question, how);
	} else if (!reply[6] && !reply[7]) {
		fail(question, "no records");
	} else {
		if (!report_if_slow(QUERY, question->name, "answered late", question->begun, LIMIT, 0))
			report_succeeded(QUERY, now_us() - question->begun);
		end(question);
	}
}

static void begin(const char *name, int64_t now)
{
	static int64_t number;
	unsigned char message[MOST];
	struct question *question = calloc(1, sizeof(*question));
	int size, fd = target_connect(&server, SOCK_DGRAM);

	report_begun(QUERY);
	if (!question)
		abort();
	if (fd < 0) {
		report_failed(QUERY, name, strerror(errno), now, 0);
		free(question);
		return;
	}
	question->source = (struct source){ .fd = fd, .ready = on_answer };
	question->name = name;
	question->begun = now_us();
	question->id = (uint16_t)random();
	TAILQ_INSERT_TAIL(&questions, question, entry);
	under_way++;
	loop_add(&question->source, EPOLLIN);
	number++;
	size = encode(message, question, number / name_count % 2 ? TYPE_AAAA : TYPE_A, number);
	if (send(fd, message, (size_t)size, 0) < 0)
		fail(question, strerror(errno));
}

static void expire(int64_t now)
{
	struct question *question, *next;

	for (question = TAILQ_FIRST(&questions); question && question->begun + WAIT < now; question = next) {
		next = TAILQ_NEXT(question, entry);
		if (now - question->begun - late_between(question->begun, now) > WAIT)
			fail(question, "unanswered");
	}
}

void queries_tick(int64_t now, int ending)
{
	if (!pace.origin)
		pace.origin = now;
	while (!ending && name_count && pace_due(&pace, now))
		begin(names[pace.count % name_count], now);
	expire(now);
}

int queries_open(void)
{
	return under_way;
}

int queries_ready(void)
{
	return !pace.per_second || report_succeeded_so_far(QUERY) >= 2 * name_count;
}
