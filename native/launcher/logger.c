/* The process that writes containers' logs; see log.h. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "descriptor.h"
#include "log-entry.h"
#include "log.h"
#include "loop.h"
#include "memory.h"

enum {
	READ_MAX = 64 << 10,
	/* Freed in steps of this, so that a log at its limit is not touched for every line. */
	FREED_STEP = 1 << 20,
};

struct stream {
	struct source source;
	struct log *log;
	const char *name;
	/* The beginning of a line whose end is yet to be read. */
	char *begun;
	size_t begun_length;
};

struct log {
	struct log_sink sink;
	struct log *next;
	uint64_t number;
	int file;
	off_t size, freed;
	struct stream streams[2];
	/* No order about it follows. */
	int ended;
};

static struct log *logs;
static struct source orders;

static struct log *find(uint64_t number)
{
	struct log *log = logs;

	while (log && log->number != number)
		log = log->next;
	return log;
}

static void forget_when_over(struct log *log)
{
	struct log **link = &logs;

	if (!log->ended || log->streams[0].source.fd >= 0 || log->streams[1].source.fd >= 0)
		return;
	while (*link != log)
		link = &(*link)->next;
	*link = log->next;
	close(log->file);
	free(log);
}

static void free_oldest(struct log *log)
{
	off_t old = log->size - LOG_KEPT;

	if (old - log->freed < FREED_STEP)
		return;
	/* Where the file system cannot, the log grows. */
	fallocate(log->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, log->freed, old - log->freed);
	log->freed = old;
}

/* On a disk that is full what comes is lost; half an entry would be no entry. */
static void write_entries(struct log_sink *sink, const char *bytes, size_t length)
{
	struct log *log = owner_of(sink, struct log, sink);
	ssize_t n = write(log->file, bytes, length);

	if (n == (ssize_t)length)
		log->size += n;
	else if (n > 0 && ftruncate(log->file, log->size) != 0)
		log->size += n;
	free_oldest(log);
}

static void keep(struct stream *stream, const char *bytes, size_t length)
{
	char *begun = length > 0 ? allocate(1, length) : NULL;

	if (begun)
		memcpy(begun, bytes, length);
	free(stream->begun);
	stream->begun = begun;
	stream->begun_length = length;
}

/* Reads once. The bytes read; 0 where there are none now, or no more. */
static size_t read_stream(struct stream *stream)
{
	static char bytes[LINE_MAX_BYTES + READ_MAX];
	size_t length = stream->begun_length, taken;
	ssize_t n = read(stream->source.fd, bytes + length, READ_MAX);
	int waiting = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length > 0)
		memcpy(bytes, stream->begun, length);
	if (n > 0)
		ioctl(stream->source.fd, FIONREAD, &waiting);
	else
		loop_close(&stream->source);
	length += n > 0 ? (size_t)n : 0;
	taken = log_entries(&stream->log->sink, stream->name, bytes, length, waiting == 0);
	keep(stream, bytes + taken, length - taken);
	return n > 0 ? (size_t)n : 0;
}

static void stream_ready(struct source *source, uint32_t events)
{
	struct stream *stream = owner_of(source, struct stream, source);

	(void)events;
	read_stream(stream);
	forget_when_over(stream->log);
}

static void begin(uint64_t number, int file)
{
	struct log *log = allocate(1, sizeof *log);
	struct stat stat;

	log->sink.write = write_entries;
	log->number = number;
	log->file = file;
	log->size = fstat(file, &stat) == 0 ? stat.st_size : 0;
	for (int i = 0; i < 2; i++)
		log->streams[i] = (struct stream){ .source = { .fd = -1, .ready = stream_ready }, .log = log,
						   .name = i == 0 ? "stdout" : "stderr" };
	log->next = logs;
	logs = log;
}

static void listen_to(struct stream *stream, int fd)
{
	stream->source.fd = fd;
	if (loop_add(&stream->source, EPOLLIN) != 0)
		loop_close(&stream->source);
}

/* No more than there is now: what outlives the container and still writes is not waited for. */
static void drain(struct stream *stream)
{
	int left = 0;
	size_t n = 1;

	if (stream->source.fd >= 0)
		ioctl(stream->source.fd, FIONREAD, &left);
	while (stream->source.fd >= 0 && left > 0 && n > 0) {
		n = read_stream(stream);
		left -= (int)n;
	}
}

static void end(struct log *log)
{
	log->ended = 1;
	drain(&log->streams[0]);
	drain(&log->streams[1]);
	forget_when_over(log);
}

/* The order's descriptor is taken, or closed. */
static void obey(const struct log_order *order, int fd)
{
	struct log *log = find(order->log);

	if (order->kind == LOG_FILE && fd >= 0)
		return begin(order->log, fd);
	if (log && (order->kind == LOG_STDOUT || order->kind == LOG_STDERR) && fd >= 0)
		return listen_to(&log->streams[order->kind == LOG_STDERR], fd);
	if (log && order->kind == LOG_END)
		end(log);
	if (fd >= 0)
		close(fd);
}

/* The launcher is gone. */
static void end_all(void)
{
	struct log *next;

	for (struct log *log = logs; log; log = next) {
		next = log->next;
		end(log);
	}
}

static void orders_ready(struct source *source, uint32_t events)
{
	struct log_order order;
	int fd;
	ssize_t n = descriptor_receive(source->fd, &order, sizeof order, &fd, NULL);

	(void)events;
	if (n == (ssize_t)sizeof order) {
		obey(&order, fd);
	} else if (n >= 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_close(source);
		end_all();
	}
}

/* Three descriptors per container, of many. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int logger_main(int fd)
{
	allow_descriptors();
	orders = (struct source){ .fd = fd, .ready = orders_ready };
	if (loop_init() != 0 || loop_add(&orders, EPOLLIN) != 0)
		return 1;
	while ((orders.fd >= 0 || logs) && loop_turn(0) == 0)
		;
	return 0;
}
