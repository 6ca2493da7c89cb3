#include "tls-client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "fetch.h"

struct tls_client {
	mbedtls_ssl_config config;
	mbedtls_x509_crt authorities;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	const char *host;
	/* Its bytes where the host is one: no name is asked for then. */
	unsigned char address[16];
	size_t address_length;
};

struct tls_client *tls_client_new(const char *authorities, const char *host)
{
	struct tls_client *client = calloc(1, sizeof *client);

	if (!client)
		abort();
	client->host = host;
	client->address_length = inet_pton(AF_INET, host, client->address) == 1 ? 4 : inet_pton(AF_INET6, host, client->address) == 1 ? 16 : 0;
	mbedtls_ssl_config_init(&client->config);
	mbedtls_x509_crt_init(&client->authorities);
	mbedtls_entropy_init(&client->entropy);
	mbedtls_ctr_drbg_init(&client->random);
	/* Of a file with good certificates and bad ones the good are taken; of none, nobody is trusted. */
	mbedtls_x509_crt_parse_file(&client->authorities, authorities);
	if (mbedtls_ctr_drbg_seed(&client->random, mbedtls_entropy_func, &client->entropy, NULL, 0) != 0 ||
	    mbedtls_ssl_config_defaults(&client->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		abort();
	mbedtls_ssl_conf_rng(&client->config, mbedtls_ctr_drbg_random, &client->random);
	mbedtls_ssl_conf_min_version(&client->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_authmode(&client->config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&client->config, &client->authorities, NULL);
	return client;
}

void tls_client_free(struct tls_client *client)
{
	mbedtls_ssl_config_free(&client->config);
	mbedtls_x509_crt_free(&client->authorities);
	mbedtls_ctr_drbg_free(&client->random);
	mbedtls_entropy_free(&client->entropy);
	free(client);
}

static int send_bytes(void *context, const unsigned char *bytes, size_t length)
{
	ssize_t n = send(*(int *)context, bytes, length, MSG_NOSIGNAL);

	return n < 0 ? MBEDTLS_ERR_NET_SEND_FAILED : (int)n;
}

static int receive_bytes(void *context, unsigned char *bytes, size_t length)
{
	ssize_t n = recv(*(int *)context, bytes, length, 0);

	return n < 0 ? MBEDTLS_ERR_NET_RECV_FAILED : (int)n;
}

/* Mbed TLS 2.28 compares names alone; the addresses (RFC 5280, 4.2.1.6: iPAddress is [7]) it has only read. */
static int is_for_address(const struct tls_client *client, const mbedtls_x509_crt *certificate)
{
	if (!(certificate->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
		return 0;
	for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name; name = name->next)
		if (name->buf.tag == (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) && name->buf.len == client->address_length &&
		    memcmp(name->buf.p, client->address, client->address_length) == 0)
			return 1;
	return 0;
}

static int distrust(const struct tls_client *client, uint32_t flags, char *why, size_t size)
{
	static const char verify[] = "tls: failed to verify certificate: x509:";

	if (flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE))
		snprintf(why, size, "%s certificate has expired or is not yet valid", verify);
	else if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
		snprintf(why, size, "%s certificate is not valid for %s", verify, client->host);
	else
		snprintf(why, size, "%s certificate signed by unknown authority", verify);
	return -1;
}

static int shake(struct tls_client *client, mbedtls_ssl_context *ssl, char *why, size_t size)
{
	int failed = mbedtls_ssl_handshake(ssl), error = errno;
	uint32_t flags = mbedtls_ssl_get_verify_result(ssl);

	if (failed == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || failed == MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED)
		return distrust(client, failed == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED ? flags : 0, why, size);
	if (!failed && client->address_length && !is_for_address(client, mbedtls_ssl_get_peer_cert(ssl)))
		return distrust(client, MBEDTLS_X509_BADCERT_CN_MISMATCH, why, size);
	if (failed == MBEDTLS_ERR_NET_RECV_FAILED || failed == MBEDTLS_ERR_NET_SEND_FAILED)
		snprintf(why, size, "%s", error == EAGAIN ? "net/http: TLS handshake timeout" : address_error(error));
	else if (failed == MBEDTLS_ERR_SSL_CONN_EOF)
		snprintf(why, size, "EOF");
	else if (failed)
		mbedtls_strerror(failed, why, size);
	return failed ? -1 : 0;
}

static int read_all(mbedtls_ssl_context *ssl, struct buffer *in)
{
	enum { PIECE = 16 << 10 };

	while (in->length <= FETCH_MAX) {
		int n = mbedtls_ssl_read(ssl, (unsigned char *)buffer_reserve(in, PIECE), PIECE);

		if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == MBEDTLS_ERR_SSL_CONN_EOF)
			return 0;
		if (n < 0)
			return -1;
		in->length += (size_t)n;
	}
	errno = EMSGSIZE;
	return -1;
}

static int exchange(mbedtls_ssl_context *ssl, const struct buffer *out, struct buffer *in, char *why, size_t size)
{
	for (size_t sent = 0; sent < out->length;) {
		int n = mbedtls_ssl_write(ssl, (const unsigned char *)out->bytes + sent, out->length - sent);

		if (n <= 0)
			return snprintf(why, size, "%s", address_error(errno)), -1;
		sent += (size_t)n;
	}
	if (read_all(ssl, in) != 0)
		return snprintf(why, size, "%s", errno == EAGAIN ? "i/o timeout" : address_error(errno)), -1;
	return 0;
}

int tls_client_ask(struct tls_client *client, int fd, const struct buffer *out, struct buffer *in, char *why, size_t size)
{
	mbedtls_ssl_context ssl;
	int failed = -1;

	mbedtls_ssl_init(&ssl);
	if (mbedtls_ssl_setup(&ssl, &client->config) != 0 ||
	    mbedtls_ssl_set_hostname(&ssl, client->address_length ? NULL : client->host) != 0)
		abort();
	mbedtls_ssl_set_bio(&ssl, &fd, send_bytes, receive_bytes, NULL);
	if (shake(client, &ssl, why, size) == 0) {
		failed = exchange(&ssl, out, in, why, size);
		mbedtls_ssl_close_notify(&ssl);
	}
	mbedtls_ssl_free(&ssl);
	return failed;
}
