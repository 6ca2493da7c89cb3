/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answers to a packet's sender, made of the packet itself and sent back the way it came: ICMP errors (RFC 792,
 * RFC 4443), and what reject.h builds of the same parts.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/csum.h"
#include "lib/drop.h"
#include "lib/parse.h"
#include "lib/rewrite.h"

#define REPLY_TTL 64
#define ICMP_DEST_UNREACH 3
#define ICMP_PORT_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMP_TIME_EXCEEDED 11

/* <linux/icmp.h> drags in the C library's headers. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 rest;
};

static __always_inline void reply_v4(struct iphdr *ip, const struct tuple *original, __u8 proto, __u16 length)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = REPLY_TTL;
	ip->protocol = proto;
	ip->frag_off = bpf_htons(0x4000);
	ip->tot_len = bpf_htons(length);
	ip->saddr = original->dst.words[3];
	ip->daddr = original->src.words[3];
	ip->check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
}

static __always_inline void reply_v6(struct ipv6hdr *ip, const struct tuple *original, __u8 proto, __u16 payload)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->nexthdr = proto;
	ip->hop_limit = REPLY_TTL;
	ip->payload_len = bpf_htons(payload);
	__builtin_memcpy(&ip->saddr, &original->dst, 16);
	__builtin_memcpy(&ip->daddr, &original->src, 16);
}

/* Exchanges the MAC addresses and sends the packet where it came from: at an egress hook that is the node itself. */
static __always_inline int send_back(struct __sk_buff *skb, const struct work *work)
{
	bool egress = work->packet.hook == HOOK_UPLINK_EGRESS || work->packet.hook == HOOK_POD_EGRESS;
	struct ethhdr eth;
	__u8 mac[6];

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	__builtin_memcpy(mac, eth.h_dest, 6);
	__builtin_memcpy(eth.h_dest, eth.h_source, 6);
	__builtin_memcpy(eth.h_source, mac, 6);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, egress ? BPF_F_INGRESS : 0);
}

struct icmp_error {
	__u8 type;
	__u8 code;
	__be32 rest;
	/* Speaks as the node, rather than as who the packet was meant for. */
	bool from_node;
};

/* Who the error comes from, in the place of the destination of `work->original`. */
static __always_inline void error_source(struct work *work, const struct icmp_error *error)
{
	__u32 zero = 0;
	struct node_config *config = bpf_map_lookup_elem(&node_config, &zero);

	if (!config || !error->from_node)
		return;
	if (work->packet.is_v6 && !address_is_zero(&config->snat6))
		work->original.dst = config->snat6;
	if (!work->packet.is_v6 && !address_is_zero(&config->snat4))
		work->original.dst = config->snat4;
}

/* How long an error may be, its own IP header included: RFC 1812, section 4.3.2.3, and RFC 4443, section 2.4 (c). */
#define ERROR_MAX_V4 576
#define ERROR_MAX_V6 1280
#define QUOTE_PIECES ((ERROR_MAX_V6 - sizeof(struct ipv6hdr) - sizeof(struct icmp_header) + QUOTE_MAX - 1) / QUOTE_MAX)

/* How much of the packet the error quotes: all that fits. */
static __always_inline __u32 quote_length(const struct __sk_buff *skb, const struct packet *packet)
{
	__u32 most = packet->is_v6 ? ERROR_MAX_V6 - sizeof(struct ipv6hdr) : ERROR_MAX_V4 - sizeof(struct iphdr);
	__u32 length = packet->length;

	most -= sizeof(struct icmp_header);
	/* Neither what lies behind the packet's end nor what it only claims to have. */
	if (length > skb->len - packet->l3)
		length = skb->len - packet->l3;
	return length > most ? most : length;
}

/* The sum of what is quoted, piece by piece, or -1. */
VERIFIED_ONCE __s64 quote_sum(struct __sk_buff *skb, struct work *work, __u32 length)
{
	__s64 sum = 0;

	if (!work)
		return -1;
	for (__u32 i = 0; i < QUOTE_PIECES; i++) {
		/* Of the piece's last byte: that its size is not 0 Linux 6.1 does not learn from a comparison with 0. */
		__u32 last = length - i * QUOTE_MAX - 1;

		if (i * QUOTE_MAX >= length)
			break;
		/* Else the compiler compares the size after all. */
		barrier_var(last);
		if (last >= QUOTE_MAX)
			last = QUOTE_MAX - 1;
		__builtin_memset(work->quote, 0, sizeof(work->quote));
		if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + i * QUOTE_MAX, work->quote, last + 1) < 0)
			return -1;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)work->quote, sizeof(work->quote), sum);
		if (sum < 0)
			return -1;
	}
	return sum;
}

struct quote {
	__u32 length;
	__u32 sum;
};

static __always_inline int error_store_v4(struct __sk_buff *skb, struct work *work, const struct icmp_error *error,
					  const struct quote *quote)
{
	struct icmp_header icmp = { .type = error->type, .code = error->code, .rest = error->rest };
	struct iphdr ip;

	icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&icmp, sizeof(icmp), quote->sum));
	reply_v4(&ip, &work->original, IPPROTO_ICMP, sizeof(ip) + sizeof(icmp) + quote->length);
	if (bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip), 0) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + sizeof(ip), &icmp, sizeof(icmp), 0);
}

static __always_inline int error_store_v6(struct __sk_buff *skb, struct work *work, const struct icmp_error *error,
					  const struct quote *quote)
{
	struct icmp_header icmp = { .type = error->type, .code = error->code, .rest = error->rest };
	struct ipv6hdr ip;
	__u32 sum;

	sum = pseudo_sum(&work->original, true, IPPROTO_ICMPV6, sizeof(icmp) + quote->length);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&icmp, sizeof(icmp), sum);
	/* Both are sums of 32 bits: what carries over is folded in. */
	icmp.checksum = csum_fold((__u64)sum + quote->sum);
	reply_v6(&ip, &work->original, IPPROTO_ICMPV6, sizeof(icmp) + quote->length);
	if (bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip), 0) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + sizeof(ip), &icmp, sizeof(icmp), 0);
}

/*
 * Turns the packet into an ICMP error about itself: cut after what is quoted, new headers in front. The packet
 * must be as its sender sent it, and `work->original` its tuple.
 */
VERIFIED_ONCE int answer_icmp(struct __sk_buff *skb, struct work *work, const struct icmp_error *error)
{
	struct quote quote;
	struct ethhdr eth;
	int failed;
	__s64 sum;

	if (!work || !error)
		return TC_ACT_SHOT;
	quote.length = quote_length(skb, &work->packet);
	sum = quote_sum(skb, work, quote.length);
	if (sum < 0 || bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	quote.sum = sum;
	error_source(work, error);
	if (bpf_skb_change_tail(skb, sizeof(eth) + quote.length, 0) < 0 ||
	    bpf_skb_change_head(skb, (work->packet.is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) +
					     sizeof(struct icmp_header), 0) < 0 ||
	    bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return TC_ACT_SHOT;
	failed = work->packet.is_v6 ? error_store_v6(skb, work, error, &quote) :
				      error_store_v4(skb, work, error, &quote);
	return failed < 0 ? TC_ACT_SHOT : send_back(skb, work);
}

/* As answer_icmp, for a packet that was rewritten already; errors about errors are never sent (RFC 1122). */
static __always_inline int answer_rewritten(struct __sk_buff *skb, struct work *work, const struct icmp_error *error)
{
	struct tuple original = work->original;

	if (work->packet.is_icmp || work->packet.fragment == FRAGMENT_LATER)
		return TC_ACT_SHOT;
	if (rewrite_source(skb, &work->packet, &original.src, original.sport) < 0 ||
	    rewrite_destination(skb, &work->packet, &original.dst, original.dport) < 0)
		return TC_ACT_SHOT;
	return answer_icmp(skb, work, error);
}

static __always_inline int answer_ttl_exceeded(struct __sk_buff *skb, struct work *work)
{
	struct icmp_error error = { .from_node = true };

	error.type = work->packet.is_v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED;
	drop_record(skb, work, DROP_TTL);
	return answer_rewritten(skb, work, &error);
}

static __always_inline int answer_too_big(struct __sk_buff *skb, struct work *work, __u16 mtu)
{
	struct icmp_error error = { .from_node = true, .rest = bpf_htonl(mtu) };

	error.type = work->packet.is_v6 ? ICMPV6_PKT_TOOBIG : ICMP_DEST_UNREACH;
	error.code = work->packet.is_v6 ? 0 : ICMP_FRAG_NEEDED;
	drop_record(skb, work, DROP_TOO_BIG);
	return answer_rewritten(skb, work, &error);
}
