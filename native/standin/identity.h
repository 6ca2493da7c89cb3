/* Who answers: the pod this stands in for, from its environment. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <netinet/in.h>

#include "buffer.h"

/* Appends "pod":…,"namespace":…,"node":…,"ips":[…] (TENDRIL_POD, _NAMESPACE, _NODE, _POD_IPS with commas). */
void identity_write(struct buffer *buffer);

/* Appends an address and port as a JSON string: 10.0.0.1:80 or [fd00::1]:80. IPv4 in IPv6's clothes is IPv4. */
void address_write(struct buffer *buffer, const struct sockaddr_storage *address);

#endif
