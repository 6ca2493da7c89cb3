/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusing what has no endpoint or no Service, as kube-proxy's REJECT does: RST for TCP (RFC 9293, section 3.5.2), ICMP
 * port unreachable for all others (RFC 792, RFC 4443).
 */
#pragma once
#include "lib/answer.h"

static __always_inline void rst_fill(struct tcphdr *rst, const struct packet *packet, const struct tcphdr *tcp)
{
	__u32 header = packet->l4 - packet->l3 + tcp->doff * 4;
	__u32 payload = packet->length > header ? packet->length - header : 0;

	__builtin_memset(rst, 0, sizeof(*rst));
	rst->source = tcp->dest;
	rst->dest = tcp->source;
	rst->doff = 5;
	rst->rst = 1;
	if (tcp->ack) {
		rst->seq = tcp->ack_seq;
	} else {
		rst->ack = 1;
		rst->ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + payload + tcp->syn + tcp->fin);
	}
}

VERIFIED_ONCE int reject_tcp(struct __sk_buff *skb, struct work *work)
{
	struct tcphdr tcp, rst;
	struct ipv6hdr ip6;
	struct iphdr ip4;
	bool is_v6;
	__u32 l4;

	if (!work || bpf_skb_load_bytes(skb, work->packet.l4, &tcp, sizeof(tcp)) < 0 || tcp.rst)
		return TC_ACT_SHOT;
	is_v6 = work->packet.is_v6;
	l4 = sizeof(struct ethhdr) + (is_v6 ? sizeof(ip6) : sizeof(ip4));
	rst_fill(&rst, &work->packet, &tcp);
	rst.check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&rst, sizeof(rst),
					    pseudo_sum(&work->packet.tuple, is_v6, IPPROTO_TCP, sizeof(rst))));
	if (bpf_skb_change_tail(skb, l4 + sizeof(rst), 0) < 0)
		return TC_ACT_SHOT;
	if (is_v6) {
		reply_v6(&ip6, &work->packet.tuple, IPPROTO_TCP, sizeof(rst));
		if (bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip6, sizeof(ip6), 0) < 0)
			return TC_ACT_SHOT;
	} else {
		reply_v4(&ip4, &work->packet.tuple, IPPROTO_TCP, sizeof(ip4) + sizeof(rst));
		if (bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &ip4, sizeof(ip4), 0) < 0)
			return TC_ACT_SHOT;
	}
	if (bpf_skb_store_bytes(skb, l4, &rst, sizeof(rst), 0) < 0)
		return TC_ACT_SHOT;
	return send_back(skb, work);
}

static __always_inline int reject_other(struct __sk_buff *skb, struct work *work)
{
	struct icmp_error error = { .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH };

	if (work->packet.is_v6) {
		error.type = ICMPV6_DEST_UNREACH;
		error.code = ICMPV6_PORT_UNREACH;
	}
	return answer_icmp(skb, work, &error);
}

VERIFIED_ONCE int reject(struct __sk_buff *skb, struct work *work, __u32 reason)
{
	if (!work)
		return TC_ACT_SHOT;
	drop_record(skb, work, reason);
	if (work->packet.fragment == FRAGMENT_LATER)
		return TC_ACT_SHOT;
	if (work->packet.tuple.proto == IPPROTO_TCP)
		return reject_tcp(skb, work);
	return reject_other(skb, work);
}
