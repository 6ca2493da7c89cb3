/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rewriting addresses and ports in place, checksums kept by difference. */
#pragma once
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/parse.h"

/*
 * Where the checksum lies that covers the addresses; 0 where there is none: later fragments, ICMP for IPv4, SCTP, and
 * TCP in a quote, which often ends before it and which nobody checks there.
 */
static __always_inline __u32 l4_checksum_offset(const struct packet *packet)
{
	if (packet->fragment == FRAGMENT_LATER || packet->tuple.proto == IPPROTO_ICMP ||
	    packet->tuple.proto == IPPROTO_SCTP)
		return 0;
	if (packet->tuple.proto == IPPROTO_ICMPV6)
		return packet->l4 + 2;
	if (packet->tuple.proto == IPPROTO_TCP)
		return packet->is_quote ? 0 : packet->l4 + offsetof(struct tcphdr, check);
	return packet->l4 + offsetof(struct udphdr, check);
}

/* A UDP checksum of zero means none (RFC 768): it stays zero, and a computed zero becomes 0xffff. */
static __always_inline __u64 l4_checksum_flags(const struct packet *packet)
{
	return packet->tuple.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

static __always_inline int rewrite_v4(struct __sk_buff *skb, struct packet *packet, __u32 field,
				      struct address *old, const struct address *new)
{
	__u32 check = l4_checksum_offset(packet);
	__be32 from = old->words[3], to = new->words[3];

	if (bpf_l3_csum_replace(skb, packet->l3 + offsetof(struct iphdr, check), from, to, 4) < 0)
		return -1;
	if (check && bpf_l4_csum_replace(skb, check, from, to, BPF_F_PSEUDO_HDR | l4_checksum_flags(packet) | 4) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l3 + field, &to, 4, 0);
}

/*
 * With CHECKSUM_COMPLETE the helper assumes, as in IPv4, that a header checksum balances the address; in
 * IPv6 none does, so the store recomputes the packet's sum, and the two cancel out.
 */
static __always_inline int rewrite_v6(struct __sk_buff *skb, struct packet *packet, __u32 field,
				      struct address *old, const struct address *new)
{
	__u32 check = l4_checksum_offset(packet);
	struct address from = *old, to = *new;
	__s64 difference = bpf_csum_diff(from.words, 16, to.words, 16, 0);

	if (check && bpf_l4_csum_replace(skb, check, 0, difference, BPF_F_PSEUDO_HDR | l4_checksum_flags(packet)) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l3 + field, &to, 16, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int rewrite_port(struct __sk_buff *skb, struct packet *packet, __u32 field, __be16 old,
					__be16 new)
{
	__u32 check = l4_checksum_offset(packet);

	if (packet->fragment == FRAGMENT_LATER || old == new)
		return 0;
	if (packet->tuple.proto == IPPROTO_SCTP)
		return sctp_rewrite_port(skb, packet, field, old, new);
	if (!check)
		return bpf_skb_store_bytes(skb, packet->l4 + field, &new, 2, BPF_F_RECOMPUTE_CSUM);
	if (bpf_l4_csum_replace(skb, check, old, new, l4_checksum_flags(packet) | 2) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l4 + field, &new, 2, 0);
}

VERIFIED_ONCE int rewrite_source(struct __sk_buff *skb, struct packet *packet, const struct address *to, __be16 port)
{
	int failed = 0;

	if (!packet || !to)
		return -1;
	if (address_equal(&packet->tuple.src, to))
		goto port;
	if (packet->is_v6)
		failed = rewrite_v6(skb, packet, offsetof(struct ipv6hdr, saddr), &packet->tuple.src, to);
	else
		failed = rewrite_v4(skb, packet, offsetof(struct iphdr, saddr), &packet->tuple.src, to);
	if (failed)
		return failed;
	packet->tuple.src = *to;
port:
	failed = rewrite_port(skb, packet, 0, packet->tuple.sport, port);
	packet->tuple.sport = port;
	return failed;
}

VERIFIED_ONCE int rewrite_destination(struct __sk_buff *skb, struct packet *packet, const struct address *to, __be16 port)
{
	int failed = 0;

	if (!packet || !to)
		return -1;
	if (address_equal(&packet->tuple.dst, to))
		goto port;
	if (packet->is_v6)
		failed = rewrite_v6(skb, packet, offsetof(struct ipv6hdr, daddr), &packet->tuple.dst, to);
	else
		failed = rewrite_v4(skb, packet, offsetof(struct iphdr, daddr), &packet->tuple.dst, to);
	if (failed)
		return failed;
	packet->tuple.dst = *to;
port:
	failed = rewrite_port(skb, packet, 2, packet->tuple.dport, port);
	packet->tuple.dport = port;
	return failed;
}
