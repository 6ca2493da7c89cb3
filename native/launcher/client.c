#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop.h"
#include "memory.h"
#include "process.h"
#include "request.h"

/* A client that does not read is cut off before it takes the machine's memory. */
enum { OUTGOING_MAX = 64 << 20, OUTGOING_MUCH = 256 << 10 };

struct client {
	struct client *next;
	struct source source;
	uint64_t number;
	int watches, broken, held, behind;
	struct buffer incoming;
	struct buffer outgoing;
};

static struct client *clients;
static uint64_t last_number;
static struct source listener;

static void forget(struct client *client)
{
	struct client **link = &clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	loop_close(&client->source);
	buffer_free(&client->incoming);
	buffer_free(&client->outgoing);
	free(client);
}

static struct client *find(uint64_t number)
{
	struct client *client = clients;

	while (client && client->number != number)
		client = client->next;
	return client;
}

static void listen_to(struct client *client)
{
	int sends = client->outgoing.length > 0 || client->broken;

	loop_modify(&client->source, (client->held ? 0 : EPOLLIN) | (sends ? EPOLLOUT : 0));
}

static void flush(struct client *client)
{
	while (client->outgoing.length > 0) {
		ssize_t n = send(client->source.fd, client->outgoing.bytes, client->outgoing.length,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			client->broken |= errno != EAGAIN;
			break;
		}
		buffer_consume(&client->outgoing, (size_t)n);
	}
	client->broken |= client->outgoing.length > OUTGOING_MAX;
	/* A broken client is forgotten when the loop next hears of it, never amid a request of its own. */
	listen_to(client);
	if (client->behind && client->outgoing.length == 0) {
		client->behind = 0;
		process_resume(client->number);
	}
}

static void send_to(struct client *client, const struct buffer *frames)
{
	if (client->broken || frames->length == 0)
		return;
	buffer_append(&client->outgoing, frames->bytes, frames->length);
	flush(client);
}

void client_send(uint64_t number, const struct buffer *frames)
{
	struct client *client = find(number);

	if (client)
		send_to(client, frames);
}

int client_is_behind(uint64_t number)
{
	struct client *client = find(number);

	/* Until all has gone, whatever was found before: an output that was paused meanwhile waits to be resumed. */
	if (client)
		client->behind |= client->outgoing.length > OUTGOING_MUCH;
	return client && client->behind;
}

void client_hold(uint64_t number, int hold)
{
	struct client *client = find(number);

	if (!client)
		return;
	client->held = hold;
	listen_to(client);
}

void client_send_watchers(const struct buffer *frames)
{
	for (struct client *client = clients; client; client = client->next)
		if (client->watches)
			send_to(client, frames);
}

void client_watch(uint64_t number)
{
	struct client *client = find(number);

	if (client)
		client->watches = 1;
}

/* Handles the whole frames that have come in; -1 when they are no frames. */
static int handle_frames(struct client *client)
{
	size_t offset = 0;

	while (client->incoming.length - offset >= 4) {
		uint32_t length;

		memcpy(&length, client->incoming.bytes + offset, sizeof length);
		length = ntohl(length);
		if (length > FRAME_MAX)
			return -1;
		if (client->incoming.length - offset - 4 < length)
			break;
		if (!fields_valid(client->incoming.bytes + offset + 4, length))
			return -1;
		request_handle(client->number, client->incoming.bytes + offset + 4, length);
		offset += 4 + (size_t)length;
	}
	buffer_consume(&client->incoming, offset);
	return 0;
}

static void client_ready(struct source *source, uint32_t events)
{
	struct client *client = owner_of(source, struct client, source);
	char bytes[65536];
	ssize_t n;

	if (events & EPOLLOUT)
		flush(client);
	/* One that is not listened to and goes leaves nothing behind. */
	client->broken |= client->held && (events & EPOLLHUP) != 0;
	if (!client->held && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		n = recv(client->source.fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0)
			buffer_append(&client->incoming, bytes, (size_t)n);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || (n > 0 && handle_frames(client) != 0))
			client->broken = 1;
	}
	if (!client->broken)
		return;
	process_abandon(client->number);
	forget(client);
}

static void listener_ready(struct source *source, uint32_t events)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
	struct client *client;

	(void)events;
	if (fd < 0)
		return;
	client = allocate(1, sizeof *client);
	client->source = (struct source){ .fd = fd, .ready = client_ready };
	client->number = ++last_number;
	client->next = clients;
	clients = client;
	if (loop_add(&client->source, EPOLLIN) != 0)
		forget(client);
}

int client_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	errno = ENAMETOOLONG;
	if (fd < 0 || strlen(path) >= sizeof address.sun_path)
		return -1;
	strcpy(address.sun_path, path);
	/* One that answers belongs to a launcher that lives; a left-over one refuses. */
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(path);
	umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, SOMAXCONN) != 0)
		return -1;
	umask(022);
	listener = (struct source){ .fd = fd, .ready = listener_ready };
	return loop_add(&listener, EPOLLIN);
}
