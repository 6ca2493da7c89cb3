/* /dial: asks another server, as often as told, and says what it answered and what went wrong. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include "address.h"
#include "fetch.h"
#include "flags.h"
#include "json.h"
#include "netexec.h"
#include "wire.h"

enum { TIMEOUT_MS = 5000, RESPONSE_MAX = 16 << 20, DATAGRAM_MAX = 2048 };

typedef int dialer(const struct sockaddr_storage *to, const char *request, struct buffer *response, char *error, size_t size);

/* Spaces and what is no ASCII, escaped. */
static void write_target(struct buffer *out, const char *request)
{
	char text[8];

	buffer_text(out, "/");
	for (; *request; request++) {
		unsigned char c = (unsigned char)*request;

		snprintf(text, sizeof text, c <= 0x20 || c >= 0x7f ? "%%%02X" : "%c", c);
		buffer_text(out, text);
	}
}

static int dial_http(const struct sockaddr_storage *to, const char *request, struct buffer *response, char *error, size_t size)
{
	struct buffer target = { 0 };
	char at[ADDRESS_TEXT], url[1024];
	int status;

	write_target(&target, request);
	buffer_append(&target, "", 1);
	snprintf(url, sizeof url, "http://%s/%s", address_text(to, at), request);
	status = fetch(&(struct fetch){ .to = to, .method = "GET", .url = url, .target = target.bytes, .timeout_ms = TIMEOUT_MS },
		       response, error, size);
	buffer_free(&target);
	return status < 0 ? -1 : 0;
}

static int dial_udp(const struct sockaddr_storage *to, const char *request, struct buffer *response, char *error, size_t size)
{
	char why[192];
	int fd = wire_udp(to);

	if (fd < 0)
		return snprintf(error, size, "udp dial failed. err:%s", address_error(errno)), -1;
	if (send(fd, request, strlen(request), 0) < 0) {
		snprintf(error, size, "udp connection write failed. err:%s", wire_error(fd, "write", errno, why, sizeof why));
	} else {
		char bytes[DATAGRAM_MAX];
		ssize_t n;

		address_timeout(fd, TIMEOUT_MS);
		n = recv(fd, bytes, sizeof bytes, 0);
		if (n > 0) {
			buffer_append(response, bytes, (size_t)n);
			return close(fd), 0;
		}
		snprintf(error, size, "reading from udp connection failed. err:'%s'",
			 n == 0 ? "<nil>" : wire_error(fd, "read", errno, why, sizeof why));
	}
	close(fd);
	return -1;
}

static int dial_sctp(const struct sockaddr_storage *to, const char *request, struct buffer *response, char *error, size_t size)
{
	char bytes[1024];
	int fd = address_connect(to, IPPROTO_SCTP, 0);
	ssize_t n;

	if (fd < 0)
		return snprintf(error, size, "sctp dial failed. err:%s", address_error(errno)), -1;
	address_timeout(fd, TIMEOUT_MS);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		snprintf(error, size, "sctp connection write failed. err:%s", address_error(errno));
	} else if ((n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
		buffer_append(response, bytes, (size_t)n);
		return close(fd), 0;
	} else {
		snprintf(error, size, "reading from sctp connection failed. err:'%s'", n == 0 ? "EOF" : address_error(errno));
	}
	close(fd);
	return -1;
}

static void write_list(struct buffer *json, const char *name, const struct buffer *list)
{
	buffer_text(json, json->length > 1 ? ",\"" : "\"");
	buffer_text(json, name);
	buffer_text(json, "\":[");
	buffer_append(json, list->bytes, list->length);
	buffer_text(json, "]");
}

static void add(struct buffer *list, const char *text, size_t length)
{
	if (list->length > 0)
		buffer_text(list, ",");
	json_string(list, text, length);
}

static void dial_all(struct exchange *exchange, dialer *dial, const struct sockaddr_storage *to, const char *request, int tries)
{
	struct buffer responses = { 0 }, errors = { 0 }, *json = &exchange->answer;
	size_t last = 0;

	for (int i = 0; i < tries && responses.length + errors.length < RESPONSE_MAX; i++) {
		struct buffer response = { 0 };
		char error[1024];

		if (dial(to, request, &response, error, sizeof error) == 0)
			add(&responses, response.bytes ? response.bytes : "", response.length);
		else
			add(&errors, error, strlen(error)), response.length = 0;
		last = response.length;
		buffer_free(&response);
	}
	/* Agnhost tells of responses only when the last one had one. */
	buffer_text(json, "{");
	if (errors.length > 0)
		write_list(json, "errors", &errors);
	if (last > 0)
		write_list(json, "responses", &responses);
	buffer_text(json, "}");
	buffer_free(&responses);
	buffer_free(&errors);
}

static void dial_checked(struct exchange *exchange, const char *request, const char *protocol, const char *tries_text)
{
	char *host = request_query(exchange, "host"), *port = request_query(exchange, "port"), text[512], why[256];
	struct sockaddr_storage found[ADDRESSES_MAX];
	int tries = 1;
	dialer *dial = *protocol == '\0' || strcasecmp(protocol, "http") == 0 ? dial_http
		     : strcasecmp(protocol, "udp") == 0			     ? dial_udp
		     : strcasecmp(protocol, "sctp") == 0		     ? dial_sctp
									     : NULL;

	*text = '\0';
	if (*tries_text && flags_number(tries_text, &tries) != 0)
		snprintf(text, sizeof text, "tries parameter is invalid. strconv.Atoi: parsing \"%s\": invalid syntax", tries_text);
	else if (*request == '\0')
		snprintf(text, sizeof text, "request parameter not specified. <nil>");
	else if (!dial)
		snprintf(text, sizeof text, "unsupported protocol. %s", protocol);
	else if (address_resolve(host, port, found, why, sizeof why) == 0)
		snprintf(text, sizeof text, "host and/or port param are invalid. %s", why);
	if (*text)
		answer_error(exchange, 400, text);
	else
		dial_all(exchange, dial, &found[0], request, tries);
	free(host);
	free(port);
}

void netexec_dial(struct exchange *exchange)
{
	char *request = request_query(exchange, "request"), *protocol = request_query(exchange, "protocol");
	char *tries = request_query(exchange, "tries");

	dial_checked(exchange, request, protocol, tries);
	free(request);
	free(protocol);
	free(tries);
}
