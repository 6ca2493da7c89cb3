#include "cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "fetch.h"
#include "json-read.h"
#include "report.h"
#include "tls-client.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

/* As the client of Kubernetes' discovery waits. */
enum { TIMEOUT_MS = 32000, TOKEN_MAX = 64 << 10 };

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static int read_token(struct buffer *token, char *why, size_t size)
{
	int fd = open(ACCOUNT "token", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer_reserve(token, TOKEN_MAX), TOKEN_MAX);

	if (n < 0)
		snprintf(why, size, "open %s: %s", ACCOUNT "token", address_error(errno));
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	token->length = (size_t)n;
	while (token->length > 0 && strchr(" \t\r\n", token->bytes[token->length - 1]))
		token->length--;
	return 0;
}

int cluster_probe(char *why, size_t size)
{
	struct buffer token = { 0 };
	int failed;

	if (*variable("KUBERNETES_SERVICE_HOST") == '\0' || *variable("KUBERNETES_SERVICE_PORT") == '\0') {
		snprintf(why, size, "unable to load in-cluster configuration, "
				    "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined");
		return -1;
	}
	failed = read_token(&token, why, size);
	buffer_free(&token);
	if (access(ACCOUNT "ca.crt", R_OK) != 0)
		report("Expected to load root CA config from %s, but got err: open %s: %s", ACCOUNT "ca.crt", ACCOUNT "ca.crt",
		       address_error(errno));
	return failed;
}

static int ask(const char *path, const struct buffer *token, struct buffer *text, char *why, size_t size)
{
	const char *host = variable("KUBERNETES_SERVICE_HOST"), *port = variable("KUBERNETES_SERVICE_PORT");
	struct sockaddr_storage found[ADDRESSES_MAX];
	struct buffer headers = { 0 };
	char url[1024];
	int status;

	if (address_resolve(host, port, found, why, size) == 0)
		return -1;
	snprintf(url, sizeof url, strchr(host, ':') ? "https://[%s]:%s%s" : "https://%s:%s%s", host, port, path);
	buffer_text(&headers, "Accept: application/json\r\nAuthorization: Bearer ");
	buffer_append(&headers, token->bytes, token->length);
	buffer_append(&headers, "\r\n", 3);

	struct tls_client *tls = tls_client_new(ACCOUNT "ca.crt", host);
	struct fetch request = { .to = &found[0], .method = "GET", .url = url, .target = path, .headers = headers.bytes, .tls = tls, .timeout_ms = TIMEOUT_MS };

	status = fetch(&request, text, why, size);
	tls_client_free(tls);
	buffer_free(&headers);
	return status;
}

/* What an answer says of a request that failed: a Status' message, else its code. */
static void explain(int status, struct slice answer, char *why, size_t size)
{
	struct buffer message = { 0 };
	struct slice text = json_member(answer, "message");

	json_text(text, &message);
	if (message.length > 0)
		snprintf(why, size, "%.*s", (int)message.length, message.bytes);
	else
		snprintf(why, size, "the server responded with the status code %d", status);
	buffer_free(&message);
}

struct slice cluster_get(const char *path, struct buffer *text, char *why, size_t size)
{
	struct buffer token = { 0 };
	struct slice answer = { 0 };
	int status = read_token(&token, why, size) == 0 ? ask(path, &token, text, why, size) : -1;

	buffer_free(&token);
	if (status < 0)
		return answer;
	answer = json_value(text->bytes ? text->bytes : "", text->length, 1, why, size);
	if (status >= 200 && status < 300)
		return answer;
	explain(status, answer, why, size);
	return (struct slice){ 0 };
}
