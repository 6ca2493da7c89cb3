#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

socklen_t address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

char *address_text(const struct sockaddr_storage *address, char *text)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	char ip[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, ip, sizeof ip);
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], ip, sizeof ip);
	else
		inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof ip);
	snprintf(text, ADDRESS_TEXT, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, ntohs(six->sin6_port));
	return text;
}

const char *address_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return "missing port in address";
	*host = text;
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end)
			return "missing ']' in address";
		if (end[1] != ':' || end + 1 != colon)
			return end[1] == '\0' || colon < end ? "missing port in address" : "too many colons in address";
		*host = text + 1;
		*end = '\0';
	} else if (strchr(text, ':') != colon) {
		return "too many colons in address";
	}
	*colon = '\0';
	*port = colon + 1;
	return NULL;
}

static int port_number(const char *text, int *port)
{
	struct servent *service;
	char *end;
	long number = strtol(text, &end, 10);

	*port = (int)number;
	if (*text && *end == '\0')
		return number >= 0 && number <= 65535 ? 0 : -1;
	service = *text ? getservbyname(text, NULL) : NULL;
	*port = service ? ntohs((uint16_t)service->s_port) : 0;
	return service || *text == '\0' ? 0 : -1;
}

int address_resolve(const char *host, const char *port, struct sockaddr_storage *found, char *why, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int number, error, count = 0;

	if (port_number(port, &number) != 0)
		return snprintf(why, size, isdigit((unsigned char)*port) ? "address %s: invalid port" : "lookup tcp/%s: unknown port", port), 0;
	error = getaddrinfo(*host ? host : "localhost", NULL, &hints, &list);
	if (error)
		return snprintf(why, size, "lookup %s: %s", host, error == EAI_AGAIN ? "server misbehaving" : "no such host"), 0;
	for (int family = 0; family < 2; family++) {
		for (struct addrinfo *each = list; each && count < ADDRESSES_MAX; each = each->ai_next) {
			if (each->ai_family != (family ? AF_INET6 : AF_INET))
				continue;
			memset(&found[count], 0, sizeof *found);
			memcpy(&found[count], each->ai_addr, each->ai_addrlen);
			((struct sockaddr_in6 *)&found[count++])->sin6_port = htons((uint16_t)number);
		}
	}
	freeaddrinfo(list);
	return count;
}

void address_timeout(int fd, int64_t timeout_ms)
{
	struct timeval time = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

int address_connect(const struct sockaddr_storage *address, int protocol, int64_t timeout_ms)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	int error;

	if (fd < 0)
		return -1;
	/* A connect that a send timeout ends says EINPROGRESS (socket(7)). */
	address_timeout(fd, timeout_ms);
	if (connect(fd, (const struct sockaddr *)address, address_length(address)) == 0)
		return fd;
	error = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	errno = error;
	return -1;
}

static int listen_family(int family, int type, int protocol, int port)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	int on = 1, off = 0;

	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	((struct sockaddr_in6 *)&any)->sin6_port = htons((uint16_t)port);
	if (bind(fd, (struct sockaddr *)&any, address_length(&any)) == 0 && (type == SOCK_DGRAM || listen(fd, 4096) == 0))
		return fd;
	off = errno;
	close(fd);
	errno = off;
	return -1;
}

int address_listen(int type, int protocol, int port)
{
	int fd = listen_family(AF_INET6, type, protocol, port);

	/* A machine may have IPv6 switched off. */
	return fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) ? listen_family(AF_INET, type, protocol, port) : fd;
}

const char *address_error(int error)
{
	static _Thread_local char text[128];

	snprintf(text, sizeof text, "%s", strerror(error));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}
