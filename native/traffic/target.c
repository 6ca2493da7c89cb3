#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_port(const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	return *text && !*end && port > 0 && port < 65536 ? (int)port : -1;
}

static int fill(struct target *target, const char *host, int port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&target->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&target->address;

	if (port < 0)
		return -1;
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		target->size = sizeof(*four);
		return 0;
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	target->size = sizeof(*six);
	return inet_pton(AF_INET6, host, &six->sin6_addr) == 1 ? 0 : -1;
}

int target_read(struct target *target, const char *text)
{
	char host[sizeof(target->text)];
	char *colon;

	*target = (struct target){};
	if (snprintf(target->text, sizeof(target->text), "%s", text) >= (int)sizeof(target->text))
		return -1;
	strcpy(host, text);
	colon = strrchr(host, ':');
	if (!colon)
		return -1;
	*colon = '\0';
	if (host[0] == '[' && colon > host && colon[-1] == ']') {
		colon[-1] = '\0';
		return fill(target, host + 1, read_port(colon + 1));
	}
	return fill(target, host, read_port(colon + 1));
}

int target_connect(const struct target *target, int type)
{
	int fd = socket(target->address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&target->address, target->size) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
