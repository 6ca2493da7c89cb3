/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Making and comparing 16-byte addresses. */
#pragma once
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "shared/addr.h"

#define MAPPED_WORD bpf_htonl(0xffff)

/* As bpf_fib_lookup() names the families. */
#define AF_INET 2
#define AF_INET6 10

static __always_inline void address_from_v4(struct address *to, __be32 v4)
{
	to->words[0] = 0;
	to->words[1] = 0;
	to->words[2] = MAPPED_WORD;
	to->words[3] = v4;
}

static __always_inline bool address_equal(const struct address *a, const struct address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline bool address_is_zero(const struct address *a)
{
	return a->halves[0] == 0 && a->halves[1] == 0;
}

static __always_inline bool address_is_v4(const struct address *a)
{
	return a->halves[0] == 0 && a->words[2] == MAPPED_WORD;
}

/* 127.0.0.0/8 or ::1. */
static __always_inline bool address_is_loopback(const struct address *a)
{
	if (address_is_v4(a))
		return a->bytes[12] == 127;
	return a->halves[0] == 0 && a->words[2] == 0 && a->words[3] == bpf_htonl(1);
}

/* No host sends from these: unspecified, loopback, multicast, broadcast, class E. */
static __always_inline bool address_is_martian(const struct address *a)
{
	__u8 first = a->bytes[12];

	if (address_is_v4(a))
		return first == 0 || first == 127 || first >= 224;
	return address_is_zero(a) || address_is_loopback(a) || a->bytes[0] == 0xff;
}

static __always_inline bool address_is_v6_link_local(const struct address *a)
{
	return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

/* What the reply of a packet looks like before anything rewrites it. */
static __always_inline void tuple_reverse(struct tuple *to, const struct tuple *from)
{
	to->src = from->dst;
	to->dst = from->src;
	to->sport = from->dport;
	to->dport = from->sport;
	to->proto = from->proto;
	__builtin_memset(to->pad, 0, sizeof(to->pad));
}
