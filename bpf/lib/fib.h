/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sending a rewritten packet on without the stack: needed where its source is an address of this node,
 * which the stack takes for a martian when it comes in on an interface.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/answer.h"
#include "lib/drop.h"
#include "lib/parse.h"

static __always_inline int ttl_decrement(struct __sk_buff *skb, struct packet *packet)
{
	__u8 ttl = packet->ttl - 1;

	if (packet->is_v6)
		return bpf_skb_store_bytes(skb, packet->l3 + offsetof(struct ipv6hdr, hop_limit), &ttl, 1,
					   BPF_F_RECOMPUTE_CSUM);
	/* The TTL is the first byte of its 16-bit word in the checksum. */
	if (bpf_l3_csum_replace(skb, packet->l3 + offsetof(struct iphdr, check), bpf_htons(packet->ttl << 8),
				bpf_htons(ttl << 8), 2) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l3 + offsetof(struct iphdr, ttl), &ttl, 1, 0);
}

/* Of the packet, or of the segments that a GSO packet becomes; 0 for SCTP's, which are of sizes that it chose itself. */
static __always_inline __u32 length_on_wire(const struct __sk_buff *skb, const struct packet *packet)
{
	__u8 proto = packet->tuple.proto;

	if (!skb->gso_size)
		return packet->length;
	if (proto == IPPROTO_SCTP)
		return 0;
	return packet->l4 - packet->l3 + (proto == IPPROTO_UDP ? sizeof(struct udphdr) : packet->l4_header) + skb->gso_size;
}

static __always_inline void fib_query(struct bpf_fib_lookup *query, struct __sk_buff *skb, struct packet *packet)
{
	query->ifindex = skb->ifindex;
	query->l4_protocol = packet->tuple.proto;
	query->sport = packet->tuple.sport;
	query->dport = packet->tuple.dport;
	query->tot_len = length_on_wire(skb, packet);
	if (packet->is_v6) {
		query->family = AF_INET6;
		__builtin_memcpy(query->ipv6_src, &packet->tuple.src, 16);
		__builtin_memcpy(query->ipv6_dst, &packet->tuple.dst, 16);
	} else {
		query->family = AF_INET;
		query->ipv4_src = packet->tuple.src.words[3];
		query->ipv4_dst = packet->tuple.dst.words[3];
	}
}

/*
 * The answer's destination is the next hop; a missing neighbour is resolved by the redirect itself. Where a router
 * would answer with an ICMP error the sender gets one: here no router sees the packet. An IPv4 packet that may be
 * fragmented is answered too, since a program cannot fragment it and Linux then sends smaller ones.
 */
VERIFIED_ONCE int forward(struct __sk_buff *skb, struct work *work)
{
	struct bpf_fib_lookup query = {};
	struct bpf_redir_neigh next = {};
	int result;

	if (!work)
		return TC_ACT_SHOT;
	if (work->packet.ttl <= 1)
		return answer_ttl_exceeded(skb, work);
	fib_query(&query, skb, &work->packet);
	result = bpf_fib_lookup(skb, &query, sizeof(query), 0);
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return answer_too_big(skb, work, query.mtu_result);
	if (result == BPF_FIB_LKUP_RET_NOT_FWDED)
		return TC_ACT_UNSPEC;
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(skb, work, DROP_NO_ROUTE);
	if (ttl_decrement(skb, &work->packet) < 0)
		return drop(skb, work, DROP_REWRITE);
	next.nh_family = query.family;
	__builtin_memcpy(next.ipv6_nh, query.ipv6_dst, 16);
	return bpf_redirect_neigh(query.ifindex, &next, sizeof(next), 0);
}
