#include "identity.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_variable(struct buffer *buffer, const char *key, const char *variable)
{
	const char *value = getenv(variable);

	buffer_json(buffer, key, strlen(key));
	buffer_text(buffer, ":");
	buffer_json(buffer, value ? value : "", value ? strlen(value) : 0);
	buffer_text(buffer, ",");
}

void identity_write(struct buffer *buffer)
{
	const char *ips = getenv("TENDRIL_POD_IPS");
	const char *separator = "";

	write_variable(buffer, "pod", "TENDRIL_POD");
	write_variable(buffer, "namespace", "TENDRIL_NAMESPACE");
	write_variable(buffer, "node", "TENDRIL_NODE");
	buffer_text(buffer, "\"ips\":[");
	while (ips && *ips) {
		size_t length = strcspn(ips, ", ");

		if (length > 0) {
			buffer_text(buffer, separator);
			buffer_json(buffer, ips, length);
			separator = ",";
		}
		ips += length;
		ips += strspn(ips, ", ");
	}
	buffer_text(buffer, "]");
}

void address_write(struct buffer *buffer, const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	char ip[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 10];

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, ip, sizeof ip);
		snprintf(text, sizeof text, "%s:%u", ip, ntohs(four->sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], ip, sizeof ip);
		snprintf(text, sizeof text, "%s:%u", ip, ntohs(six->sin6_port));
	} else {
		inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof ip);
		snprintf(text, sizeof text, "[%s]:%u", ip, ntohs(six->sin6_port));
	}
	buffer_json(buffer, text, strlen(text));
}
