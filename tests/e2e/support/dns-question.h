// SPDX-License-Identifier: Apache-2.0
/* A DNS question (RFC 1035) as the programs that measure and test name servers ask it. */
#pragma once

#include <string.h>

/* For the IPv4 address of a name without its final dot, id 0, recursion desired; the message's length. */
static int encode_question(unsigned char *message, const char *name)
{
	unsigned char *at = message + 12;

	memset(message, 0, 12);
	message[2] = 1;
	message[5] = 1;
	while (*name) {
		size_t length = strcspn(name, ".");

		*at++ = length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	memcpy(at, "\0\0\1\0\1", 5);
	return at + 5 - message;
}
