#include "tls.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "answer.h"
#include "server.h"
#include "tls-certificate.h"

enum { PIECE = 16 << 10 };

/* One for all connections of a server: Debian builds the library for use by threads. */
struct tls {
	mbedtls_ssl_config config;
	mbedtls_x509_crt certificate;
	mbedtls_pk_context key;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
};

struct relay {
	struct tls *tls;
	int outer, inner;
	mbedtls_ssl_context ssl;
	/* Read from the client, and not taken by the server yet. */
	char pending[PIECE];
	size_t start, end;
	/* The client has no more to say. */
	int ended;
};

static struct tls *new_tls(void)
{
	static const char *protocols[] = { "http/1.1", NULL };
	struct tls *tls = calloc(1, sizeof *tls);

	if (!tls)
		abort();
	mbedtls_ssl_config_init(&tls->config);
	mbedtls_x509_crt_init(&tls->certificate);
	mbedtls_pk_init(&tls->key);
	mbedtls_entropy_init(&tls->entropy);
	mbedtls_ctr_drbg_init(&tls->random);
	if (mbedtls_ctr_drbg_seed(&tls->random, mbedtls_entropy_func, &tls->entropy, NULL, 0) != 0 ||
	    mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		abort();
	mbedtls_ssl_conf_rng(&tls->config, mbedtls_ctr_drbg_random, &tls->random);
	/* Go's servers have no older version either. */
	mbedtls_ssl_conf_min_version(&tls->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_alpn_protocols(&tls->config, protocols);
	return tls;
}

static int use_certificate(struct tls *tls)
{
	return mbedtls_ssl_conf_own_cert(&tls->config, &tls->certificate, &tls->key);
}

static int find_problem(const char *path, int failed, char *problem, size_t size)
{
	char why[128];

	if (failed == 0)
		return 0;
	if (access(path, R_OK) != 0) {
		snprintf(problem, size, "open %s: %s", path, address_error(errno));
	} else {
		mbedtls_strerror(failed, why, sizeof why);
		snprintf(problem, size, "tls: %s: %s", path, why);
	}
	return -1;
}

struct tls *tls_load(const char *certificate, const char *key, char *problem, size_t size)
{
	struct tls *tls = new_tls();

	if (find_problem(certificate, mbedtls_x509_crt_parse_file(&tls->certificate, certificate), problem, size) != 0 ||
	    find_problem(key, mbedtls_pk_parse_keyfile(&tls->key, key, NULL), problem, size) != 0 ||
	    find_problem(key, mbedtls_pk_check_pair(&tls->certificate.pk, &tls->key), problem, size) != 0 ||
	    find_problem(certificate, use_certificate(tls), problem, size) != 0)
		return NULL;
	return tls;
}

struct tls *tls_built_in(void)
{
	struct tls *tls = new_tls();

	if (mbedtls_x509_crt_parse(&tls->certificate, (const unsigned char *)built_in_certificate,
				   sizeof built_in_certificate) != 0 ||
	    mbedtls_pk_parse_key(&tls->key, (const unsigned char *)built_in_key, sizeof built_in_key, NULL, 0) != 0 ||
	    use_certificate(tls) != 0)
		abort();
	return tls;
}

static int send_outer(void *context, const unsigned char *bytes, size_t length)
{
	const struct relay *relay = context;
	ssize_t n = send(relay->outer, bytes, length, MSG_NOSIGNAL);

	return n < 0 ? MBEDTLS_ERR_NET_SEND_FAILED : (int)n;
}

static int receive_outer(void *context, unsigned char *bytes, size_t length)
{
	const struct relay *relay = context;
	ssize_t n = recv(relay->outer, bytes, length, 0);

	return n < 0 ? MBEDTLS_ERR_NET_RECV_FAILED : (int)n;
}

/* As Go's server answers. */
static int refuse_plain_http(const struct relay *relay)
{
	static const char *const begins[] = { "GET /", "HEAD ", "POST ", "PUT /", "OPTIO" };
	static const char text[] =
		"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
	char head[5];
	ssize_t n = recv(relay->outer, head, sizeof head, MSG_PEEK | MSG_WAITALL);

	for (size_t i = 0; n == sizeof head && i < sizeof begins / sizeof *begins; i++)
		if (memcmp(head, begins[i], sizeof head) == 0)
			return answer_send(relay->outer, text, sizeof text - 1), 1;
	return 0;
}

/* -1 when the connection is over. */
static int to_client(struct relay *relay)
{
	unsigned char bytes[PIECE];
	ssize_t n = recv(relay->inner, bytes, sizeof bytes, 0);

	for (ssize_t sent = 0; sent < n;) {
		int written = mbedtls_ssl_write(&relay->ssl, bytes + sent, (size_t)(n - sent));

		if (written <= 0)
			return -1;
		sent += written;
	}
	return n > 0 ? 0 : -1;
}

static void from_client(struct relay *relay)
{
	int n = mbedtls_ssl_read(&relay->ssl, (unsigned char *)relay->pending, sizeof relay->pending);

	if (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE)
		return;
	relay->start = 0;
	relay->end = n > 0 ? (size_t)n : 0;
	relay->ended = n <= 0;
}

static int to_server(struct relay *relay)
{
	ssize_t n = send(relay->inner, relay->pending + relay->start, relay->end - relay->start,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	relay->start += (size_t)n;
	return 0;
}

static void pass(struct relay *relay)
{
	for (;;) {
		int has_pending = relay->start < relay->end;
		int reads = !has_pending && !relay->ended;
		int buffered = reads && mbedtls_ssl_get_bytes_avail(&relay->ssl) > 0;
		struct pollfd fds[] = {
			{ .fd = reads ? relay->outer : -1, .events = POLLIN },
			{ .fd = relay->inner, .events = (short)(POLLIN | (has_pending ? POLLOUT : 0)) },
		};

		if (poll(fds, 2, buffered ? 0 : -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents & POLLOUT && to_server(relay) != 0)
			return;
		if (fds[1].revents & (POLLIN | POLLHUP | POLLERR) && to_client(relay) != 0)
			return;
		if (buffered || fds[0].revents)
			from_client(relay);
		if (relay->ended && relay->start == relay->end)
			shutdown(relay->inner, SHUT_WR);
	}
}

static void *serve(void *argument)
{
	struct relay *relay = argument;

	mbedtls_ssl_init(&relay->ssl);
	if (!refuse_plain_http(relay) && mbedtls_ssl_setup(&relay->ssl, &relay->tls->config) == 0) {
		mbedtls_ssl_set_bio(&relay->ssl, relay, send_outer, receive_outer, NULL);
		if (mbedtls_ssl_handshake(&relay->ssl) == 0) {
			pass(relay);
			mbedtls_ssl_close_notify(&relay->ssl);
		}
	}
	mbedtls_ssl_free(&relay->ssl);
	close(relay->inner);
	answer_linger(relay->outer);
	close(relay->outer);
	free(relay);
	return NULL;
}

int tls_accept(struct tls *tls, int connection)
{
	struct relay *relay = calloc(1, sizeof *relay);
	int pair[2];

	if (!relay)
		abort();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		free(relay);
		return -1;
	}
	relay->tls = tls;
	relay->outer = connection;
	relay->inner = pair[1];
	if (thread_start(serve, relay) == 0)
		return pair[0];
	close(pair[0]);
	close(pair[1]);
	free(relay);
	return -1;
}
