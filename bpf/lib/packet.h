/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet under inspection, in per-CPU memory: the stack of a BPF program holds 512 bytes, a packet with
 * its tuples and a new connection's entry takes most of it. A tc program is not interrupted by another one
 * on its CPU.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shared/addr.h"
#include "shared/conntrack.h"
#include "shared/policy.h"

/*
 * A function of its own, which the verifier looks at once rather than on every path that leads to it: what it returns
 * and writes to memory may be anything to its callers, so that paths do not multiply. Pointers given to one are to be
 * checked in it.
 */
#define VERIFIED_ONCE __attribute__((noinline))

enum fragment_position {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST = 1,
	FRAGMENT_LATER = 2,
};

/* Flags in byte 13 of the TCP header. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet {
	struct tuple tuple;
	__u32 fragment_id;
	/* TCP's, host order. */
	__u32 seq;
	__u32 ack;
	/* Of a SYN or a FIN, 0 without one. */
	__u32 stamp;
	/* Length of the IP packet, header included. */
	__u32 length;
	__u16 l3;
	__u16 l4;
	__u8 is_v6;
	__u8 fragment;
	__u8 ttl;
	/* TCP's flags, and what SCTP's first chunk means in their words. */
	__u8 phase;
	__u8 l2_src[6];
	__u8 hook;
	__u8 is_icmp;
	/* TCP's header length in bytes, 0 for others. */
	__u8 l4_header;
	/* Not on its way itself: an ICMP error quotes it, perhaps cut. */
	__u8 is_quote;
};

/* IP header with options or extensions and the part of the transport header that is rewritten in a quote. */
#define QUOTE_MAX 96

/* A packet as policies see it, see lib/policy.h. */
struct judged {
	/* As the connection's server sees it. */
	struct tuple flow;
	struct tuple back;
	/* The two ends themselves, whatever stands for them in the tuple. */
	struct address source;
	struct address target;
	struct policy_rule_key rule;
	struct policy_block_key block;
	struct policy_flow entry;
};

struct work {
	struct packet packet;
	/* The tuple before any rewriting, for answers to the sender. */
	struct tuple original;
	struct packet quoted;
	__u8 quote[QUOTE_MAX];
	__u8 quote_after[QUOTE_MAX];
	struct tuple forward;
	struct tuple reply;
	/* The reply's of the connection that this packet's takes the place of, where the new one may have it; or zeros. */
	struct tuple before;
	struct conntrack_entry entry;
	struct conntrack_entry reply_entry;
	struct judged judged;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} scratch SEC(".maps");

/*
 * For functions that are VERIFIED_ONCE: Linux 6.1 takes a map's key or value from a map's memory or the stack, and not
 * through a pointer that such a function was given.
 */
static __always_inline struct work *work_current(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

static __always_inline struct work *work_begin(__u8 hook)
{
	struct work *work = work_current();

	if (work) {
		__builtin_memset(&work->packet, 0, sizeof(work->packet));
		work->packet.hook = hook;
		work->before.dport = 0;
	}
	return work;
}
