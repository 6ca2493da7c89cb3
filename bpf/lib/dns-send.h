/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a question's datagram to its answer's, and back to the pod that asked. */
#pragma once
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include "lib/csum.h"
#include "lib/dns.h"

#define SUM_PIECE 256

/* Sum of the reply, which is made whole words with zeros. */
VERIFIED_ONCE __s64 dns_reply_sum(__u32 start)
{
	struct dns_work *work = dns_work();
	__s64 sum = start;
	__u32 end;

	if (!work)
		return -1;
	end = work->reply_bytes;
	if (end > DNS_REPLY_ROOM)
		return -1;
	__builtin_memset(work->reply + end, 0, 4);
	for (__u32 at = 0; at < DNS_REPLY_ROOM; at += SUM_PIECE) {
		__u32 left;

		if (at >= end)
			break;
		left = end - at;
		if (left >= SUM_PIECE)
			sum = bpf_csum_diff(NULL, 0, (__be32 *)(work->reply + at), SUM_PIECE, sum);
		else
			sum = bpf_csum_diff(NULL, 0, (__be32 *)(work->reply + at), (left + 3) & 0x1fc, sum);
		if (sum < 0)
			return -1;
	}
	return sum;
}

/* The question's datagram becomes the reply's; a checksum of 0 is none, which IPv4 allows. -2: it is half changed. */
VERIFIED_ONCE int dns_send_v4(struct __sk_buff *skb)
{
	const __u32 l3 = sizeof(struct ethhdr), l4 = l3 + sizeof(struct iphdr), payload = l4 + sizeof(struct udphdr);
	struct dns_work *work = dns_work();
	struct udphdr udp;
	struct iphdr ip;
	__u32 length;
	__be32 addr;
	__be16 port;

	if (!work)
		return -1;
	length = work->reply_bytes - 1;
	barrier_var(length);
	if (length >= DNS_REPLY_ROOM)
		return -1;
	length++;
	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0 || bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)) < 0)
		return -1;
	addr = ip.saddr;
	ip.saddr = ip.daddr;
	ip.daddr = addr;
	ip.ttl = 64;
	ip.tos = 0;
	ip.id = 0;
	ip.frag_off = bpf_htons(0x4000);
	ip.tot_len = bpf_htons(sizeof(ip) + sizeof(udp) + length);
	ip.check = 0;
	ip.check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	port = udp.source;
	udp.source = udp.dest;
	udp.dest = port;
	udp.len = bpf_htons(sizeof(udp) + length);
	udp.check = 0;
	if (bpf_skb_change_tail(skb, payload + length, 0) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, l3, &ip, sizeof(ip), 0) < 0 || bpf_skb_store_bytes(skb, l4, &udp, sizeof(udp), 0) < 0 ||
	    bpf_skb_store_bytes(skb, payload, work->reply, length, 0) < 0)
		return -2;
	return 0;
}

VERIFIED_ONCE int dns_send_v6(struct __sk_buff *skb)
{
	const __u32 l3 = sizeof(struct ethhdr), l4 = l3 + sizeof(struct ipv6hdr), payload = l4 + sizeof(struct udphdr);
	struct dns_work *work = dns_work();
	struct tuple tuple = {};
	struct ipv6hdr ip;
	struct udphdr udp;
	__u32 length;
	__s64 sum;
	__be16 port;

	if (!work)
		return -1;
	length = work->reply_bytes - 1;
	barrier_var(length);
	if (length >= DNS_REPLY_ROOM)
		return -1;
	length++;
	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0 || bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)) < 0)
		return -1;
	__builtin_memcpy(&tuple.src, &ip.daddr, 16);
	__builtin_memcpy(&tuple.dst, &ip.saddr, 16);
	__builtin_memset(&ip, 0, 4);
	ip.version = 6;
	ip.hop_limit = 64;
	ip.payload_len = bpf_htons(sizeof(udp) + length);
	__builtin_memcpy(&ip.saddr, &tuple.src, 16);
	__builtin_memcpy(&ip.daddr, &tuple.dst, 16);
	port = udp.source;
	udp.source = udp.dest;
	udp.dest = port;
	udp.len = bpf_htons(sizeof(udp) + length);
	udp.check = 0;
	sum = pseudo_sum(&tuple, true, IPPROTO_UDP, sizeof(udp) + length);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&udp, sizeof(udp), sum);
	sum = dns_reply_sum(sum);
	if (sum < 0)
		return -1;
	udp.check = csum_fold(sum);
	/* Zero would say that there is none (RFC 8200, section 8.1). */
	if (udp.check == 0)
		udp.check = 0xffff;
	if (bpf_skb_change_tail(skb, payload + length, 0) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, l3, &ip, sizeof(ip), 0) < 0 || bpf_skb_store_bytes(skb, l4, &udp, sizeof(udp), 0) < 0 ||
	    bpf_skb_store_bytes(skb, payload, work->reply, length, 0) < 0)
		return -2;
	return 0;
}

static __always_inline int send_to_asker(struct __sk_buff *skb)
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
	return bpf_redirect_peer(skb->ifindex, 0);
}
