/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusing what has no endpoint, as kube-proxy's REJECT does: RST for TCP (RFC 9293, section 3.5.2), ICMP port
 * unreachable for UDP (RFC 792, RFC 4443), sent back the way the packet came.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/icmpv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/drop.h"
#include "lib/parse.h"

#define REPLY_TTL 64
#define ICMP_DEST_UNREACH 3
#define ICMP_PORT_UNREACH 3
#define QUOTE_V4 (sizeof(struct iphdr) + 8)
#define QUOTE_V6 (sizeof(struct ipv6hdr) + 8)

/* <linux/icmp.h> drags in the C library's headers. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 unused;
};

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

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

/* Exchanges the MAC addresses and sends the packet out of the interface it came in on. */
static __always_inline int send_back(struct __sk_buff *skb)
{
	struct ethhdr eth;
	__u8 mac[6];

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	__builtin_memcpy(mac, eth.h_dest, 6);
	__builtin_memcpy(eth.h_dest, eth.h_source, 6);
	__builtin_memcpy(eth.h_source, mac, 6);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}

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

static __noinline int reject_tcp(struct __sk_buff *skb, struct work *work)
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
	return send_back(skb);
}

/* Ethernet header, new IP and ICMP headers, then the quoted packet's IP header and 8 bytes. */
static __noinline int reject_udp_v4(struct __sk_buff *skb, struct work *work)
{
	struct {
		struct icmp_header icmp;
		__u8 quote[QUOTE_V4];
	} message = { .icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH } };
	struct ethhdr eth;
	struct iphdr ip;

	if (!work || work->packet.l4 - work->packet.l3 != sizeof(ip))
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, sizeof(eth), message.quote, QUOTE_V4) < 0 ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	if (bpf_skb_change_tail(skb, sizeof(eth) + QUOTE_V4, 0) < 0 ||
	    bpf_skb_change_head(skb, sizeof(ip) + sizeof(struct icmp_header), 0) < 0)
		return TC_ACT_SHOT;
	message.icmp.checksum = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&message, sizeof(message), 0));
	reply_v4(&ip, &work->packet.tuple, IPPROTO_ICMP, sizeof(ip) + sizeof(message));
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0 ||
	    bpf_skb_store_bytes(skb, sizeof(eth), &ip, sizeof(ip), 0) < 0 ||
	    bpf_skb_store_bytes(skb, sizeof(eth) + sizeof(ip), &message, sizeof(message), 0) < 0)
		return TC_ACT_SHOT;
	return send_back(skb);
}

static __noinline int reject_udp_v6(struct __sk_buff *skb, struct work *work)
{
	struct {
		struct icmp6hdr icmp;
		__u8 quote[QUOTE_V6];
	} message = { .icmp = { .icmp6_type = ICMPV6_DEST_UNREACH, .icmp6_code = ICMPV6_PORT_UNREACH } };
	struct ethhdr eth;
	struct ipv6hdr ip;

	if (!work)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, sizeof(eth), message.quote, QUOTE_V6) < 0 ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	if (bpf_skb_change_tail(skb, sizeof(eth) + QUOTE_V6, 0) < 0 ||
	    bpf_skb_change_head(skb, sizeof(ip) + sizeof(struct icmp6hdr), 0) < 0)
		return TC_ACT_SHOT;
	message.icmp.icmp6_cksum =
		csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&message, sizeof(message),
					pseudo_sum(&work->packet.tuple, true, IPPROTO_ICMPV6, sizeof(message))));
	reply_v6(&ip, &work->packet.tuple, IPPROTO_ICMPV6, sizeof(message));
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0 ||
	    bpf_skb_store_bytes(skb, sizeof(eth), &ip, sizeof(ip), 0) < 0 ||
	    bpf_skb_store_bytes(skb, sizeof(eth) + sizeof(ip), &message, sizeof(message), 0) < 0)
		return TC_ACT_SHOT;
	return send_back(skb);
}

static __always_inline int reject(struct __sk_buff *skb, struct work *work)
{
	drop_record(skb, work, DROP_NO_ENDPOINTS);
	if (work->packet.fragment == FRAGMENT_LATER)
		return TC_ACT_SHOT;
	if (work->packet.tuple.proto == IPPROTO_TCP)
		return reject_tcp(skb, work);
	return work->packet.is_v6 ? reject_udp_v6(skb, work) : reject_udp_v4(skb, work);
}
