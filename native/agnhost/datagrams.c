#include "datagrams.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "report.h"
#include "server.h"

enum { WORDS_MAX = 2048 };

struct service {
	int fd, unasked;
	responder *respond;
	void *context;
};

void respond_to_word(struct buffer *answer, const char *text, size_t length, const struct sockaddr_storage *client,
		     void *context)
{
	char word[WORDS_MAX + 1], address[ADDRESS_TEXT];

	while (length > 0 && isspace((unsigned char)*text))
		text++, length--;
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	length = length < WORDS_MAX ? length : WORDS_MAX;
	for (size_t i = 0; i < length; i++)
		word[i] = (char)tolower((unsigned char)text[i]);
	word[length] = '\0';
	address_text(client, address);
	if (strcmp(word, "hostname") == 0)
		buffer_text(answer, report_hostname());
	else if (strncmp(word, "echo ", 5) == 0)
		buffer_append(answer, word + 5, length - 5);
	else if (strcmp(word, "clientip") == 0)
		buffer_text(answer, address);
	else if (strcmp(word, "serverport") == 0)
		buffer_number(answer, (uint64_t) * (int *)context);
	else if (length > 0)
		report("Unknown command received from %s: %s", address, word);
}

void respond_with_text(struct buffer *answer, const char *text, size_t length, const struct sockaddr_storage *client,
		       void *context)
{
	(void)text, (void)length, (void)client;
	buffer_text(answer, context);
}

static void *answer_datagrams(void *argument)
{
	struct service *service = argument;
	struct sockaddr_storage client;
	char bytes[WORDS_MAX];

	for (;;) {
		socklen_t size = sizeof client;
		ssize_t n = recvfrom(service->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&client, &size);
		struct buffer answer = { 0 };

		if (n < 0)
			continue;
		service->respond(&answer, bytes, (size_t)n, &client, service->context);
		if (answer.length > 0)
			sendto(service->fd, answer.bytes, answer.length, 0, (struct sockaddr *)&client, size);
		buffer_free(&answer);
	}
	return NULL;
}

static void *answer_connections(void *argument)
{
	struct service *service = argument;
	struct sockaddr_storage client;
	char bytes[WORDS_MAX];

	for (;;) {
		socklen_t size = sizeof client;
		int fd = accept4(service->fd, (struct sockaddr *)&client, &size, SOCK_CLOEXEC);
		struct buffer answer = { 0 };
		ssize_t n = 0;

		if (fd < 0)
			continue;
		address_timeout(fd, 5000);
		if (!service->unasked)
			n = recv(fd, bytes, sizeof bytes, 0);
		if (n >= 0)
			service->respond(&answer, bytes, (size_t)n, &client, service->context);
		send(fd, answer.bytes, answer.length, MSG_NOSIGNAL);
		buffer_free(&answer);
		close(fd);
	}
	return NULL;
}

static void start(struct service service, void *(*function)(void *))
{
	struct service *copy = malloc(sizeof *copy);

	if (!copy)
		abort();
	*copy = service;
	if (thread_start(function, copy) != 0)
		report_fatal("no thread can be started: see the pod's limit of processes");
}

void datagrams_serve(int fd, responder *respond, void *context)
{
	start((struct service){ .fd = fd, .respond = respond, .context = context }, answer_datagrams);
}

void connections_serve(int fd, responder *respond, void *context, int unasked)
{
	start((struct service){ fd, unasked, respond, context }, answer_connections);
}
