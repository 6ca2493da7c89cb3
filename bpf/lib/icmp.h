/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about translated packets (RFC 5508, section 4). The quoted packet is what the receiver of the error
 * sent after translation; the connection is that of its reply, which travels in the same direction as the error.
 */
#pragma once
#include "lib/nat.h"

static __always_inline bool is_translatable_error(const struct packet *packet, __u8 type)
{
	if (packet->tuple.proto == IPPROTO_ICMPV6)
		return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
	/* Destination unreachable, source quench, time exceeded, parameter problem. */
	return type == ICMP_DEST_UNREACH || type == 4 || type == ICMP_TIME_EXCEEDED || type == 12;
}

static __always_inline int quoted_parse(struct __sk_buff *skb, struct work *work)
{
	struct packet *packet = &work->packet, *quoted = &work->quoted;
	__u8 type;

	if (!packet->is_icmp || packet->fragment != FRAGMENT_NONE)
		return PARSE_IP;
	if (bpf_skb_load_bytes(skb, packet->l4, &type, 1) < 0 || !is_translatable_error(packet, type))
		return PARSE_IP;
	__builtin_memset(quoted, 0, sizeof(*quoted));
	quoted->is_quote = 1;
	quoted->l3 = packet->l4 + sizeof(struct icmp_header);
	return packet->is_v6 ? parse_v6(skb, quoted) : parse_v4(skb, quoted);
}

/* Rewrites the quote as its sender sent it and puts the ICMP checksum right by the difference of what changed. */
static __always_inline int quoted_rewrite(struct __sk_buff *skb, struct work *work, const struct tuple *to)
{
	struct packet *quoted = &work->quoted;
	__u32 start = quoted->l3, length = (__u32)quoted->l4 - quoted->l3 + 8;
	__u64 difference;

	if (length < sizeof(struct iphdr) + 8)
		return -1;
	/* Else both comparisons become one of a difference, of which Linux 6.1 learns nothing about the length. */
	barrier_var(length);
	if (length > QUOTE_MAX)
		return -1;
	if (bpf_skb_load_bytes(skb, start, work->quote, length) < 0)
		return -1;
	if (rewrite_source(skb, quoted, &to->src, to->sport) < 0 ||
	    rewrite_destination(skb, quoted, &to->dst, to->dport) < 0)
		return -1;
	if (bpf_skb_load_bytes(skb, start, work->quote_after, length) < 0)
		return -1;
	difference = bpf_csum_diff((__be32 *)work->quote, length, (__be32 *)work->quote_after, length, 0);
	return bpf_l4_csum_replace(skb, work->packet.l4 + offsetof(struct icmp_header, checksum), 0, difference,
				   BPF_F_PSEUDO_HDR);
}

/*
 * NAT_NOT_MINE for what is no error about a translated packet. The error's source stays where a router in between
 * sent it, except where the connection's source is translated: the receiver's network may not know the way back.
 */
VERIFIED_ONCE int icmp_translate(struct __sk_buff *skb, struct work *work)
{
	struct conntrack_entry *entry;
	struct tuple inner, reply;
	bool from_peer;

	if (!work || quoted_parse(skb, work) != PARSE_PORTS)
		return NAT_NOT_MINE;
	if (!address_equal(&work->quoted.tuple.src, &work->packet.tuple.dst))
		return NAT_NOT_MINE;
	tuple_reverse(&reply, &work->quoted.tuple);
	entry = conntrack_lookup(&reply);
	if (!entry)
		return NAT_NOT_MINE;
	from_peer = (entry->flags & CONNTRACK_SNAT) || address_equal(&work->packet.tuple.src, &reply.src);
	conntrack_other_key(&inner, &reply, entry);
	if (quoted_rewrite(skb, work, &inner) < 0 ||
	    rewrite_destination(skb, &work->packet, &inner.src, 0) < 0 ||
	    (from_peer && rewrite_source(skb, &work->packet, &inner.dst, 0) < 0)) {
		drop_record(skb, work, DROP_REWRITE);
		return NAT_DROPPED;
	}
	return NAT_DONE;
}
