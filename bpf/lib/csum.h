/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Internet checksum (RFC 1071). */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "shared/addr.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Sum of the pseudo header, which is the same for both families: a v4-mapped prefix is folded out. */
static __always_inline __u64 pseudo_sum(const struct tuple *original, bool is_v6, __u8 proto, __u32 length)
{
	struct {
		struct address src, dst;
		__be32 length, proto;
	} pseudo = { .length = bpf_htonl(length), .proto = bpf_htonl(proto) };

	if (is_v6) {
		pseudo.src = original->src;
		pseudo.dst = original->dst;
	} else {
		pseudo.src.words[0] = original->src.words[3];
		pseudo.dst.words[0] = original->dst.words[3];
	}
	return bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
}
