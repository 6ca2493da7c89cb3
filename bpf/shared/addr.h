/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses and ports as maps hold them: 16 bytes in network order, IPv4 as v4-mapped IPv6
 * (::ffff:a.b.c.d), so that one map and one code path serve both families. Ports are in network order.
 */
#pragma once
#include <linux/types.h>

struct address {
	union {
		__u8 bytes[16];
		__be32 words[4];
		__u64 halves[2];
	};
};

struct tuple {
	struct address src;
	struct address dst;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};
