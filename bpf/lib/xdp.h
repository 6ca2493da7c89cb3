/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A frame at the uplink before the kernel makes an skb of it. Only what can be sent on as it is comes through here:
 * TCP and UDP behind headers of the usual length, whole, with a finished checksum. All else is tc's.
 */
#pragma once
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/conntrack.h"
#include "lib/csum.h"
#include "lib/node.h"

/* More fragments, the offset and the bit that must be zero. */
#define IP_FRAGMENTED 0xbfff

struct frame {
	void *start;
	void *end;
	/* The transport header. */
	void *l4;
	struct packet *packet;
	/* As in the packet, of which the verifier does not remember what was stored, since it lies in a map. */
	bool is_v6;
	bool is_tcp;
};

/* Addresses and ports, as `struct tuple` begins. */
struct names {
	struct address src;
	struct address dst;
	__be16 sport;
	__be16 dport;
};

/* Without what the compiler adds. */
#define NAMES_SIZE (offsetof(struct names, dport) + sizeof(__be16))

static __always_inline bool frame_parse_v4(struct frame *frame)
{
	struct iphdr *ip = frame->start + sizeof(struct ethhdr);
	struct packet *packet = frame->packet;

	if ((void *)(ip + 1) > frame->end || ip->version != 4 || ip->ihl != 5 ||
	    (ip->frag_off & bpf_htons(IP_FRAGMENTED)))
		return false;
	address_from_v4(&packet->tuple.src, ip->saddr);
	address_from_v4(&packet->tuple.dst, ip->daddr);
	packet->tuple.proto = ip->protocol;
	packet->ttl = ip->ttl;
	packet->length = bpf_ntohs(ip->tot_len);
	frame->l4 = ip + 1;
	return true;
}

static __always_inline bool frame_parse_v6(struct frame *frame)
{
	struct ipv6hdr *ip = frame->start + sizeof(struct ethhdr);
	struct packet *packet = frame->packet;

	if ((void *)(ip + 1) > frame->end || ip->version != 6)
		return false;
	__builtin_memcpy(&packet->tuple.src, &ip->saddr, 16);
	__builtin_memcpy(&packet->tuple.dst, &ip->daddr, 16);
	if (address_is_v4(&packet->tuple.src) || address_is_v4(&packet->tuple.dst))
		return false;
	packet->is_v6 = 1;
	frame->is_v6 = true;
	packet->tuple.proto = ip->nexthdr;
	packet->ttl = ip->hop_limit;
	packet->length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	frame->l4 = ip + 1;
	return true;
}

/*
 * What a sender without a checksum of its own left in the field: the pseudo header's sum, to be finished by a network card.
 * On a veth such a packet comes here as it is, and nobody would finish it behind an XDP_TX. A finished one that is the
 * same by chance goes to tc too, where both are handled.
 */
static __always_inline bool is_unfinished(const struct packet *packet, __u16 check, __u32 length)
{
	__u16 sum = ~csum_fold(pseudo_sum(&packet->tuple, packet->is_v6, packet->tuple.proto, length));

	/* Both are zero. */
	if (sum == 0xffff)
		sum = 0;
	return sum == (check == 0xffff ? 0 : check);
}

static __always_inline bool frame_parse_tcp(struct frame *frame, __u32 length)
{
	struct tcphdr *tcp = frame->l4;
	struct packet *packet = frame->packet;

	if ((void *)(tcp + 1) > frame->end || length < sizeof(*tcp))
		return false;
	packet->tuple.sport = tcp->source;
	packet->tuple.dport = tcp->dest;
	packet->phase = ((__u8 *)tcp)[13];
	packet->l4 = frame->l4 - frame->start;
	packet->l4_header = tcp->doff * 4;
	/* Its timestamp stays what tc saw last: of a later connection it is later all the same. */
	packet->seq = bpf_ntohl(tcp->seq);
	packet->ack = bpf_ntohl(tcp->ack_seq);
	if (packet->l4_header < sizeof(*tcp) || packet->l4_header > length)
		return false;
	/* What begins or resets a connection is judged by more than its tuple. */
	return !(packet->phase & (TCP_SYN | TCP_RST)) && !is_unfinished(packet, tcp->check, length);
}

static __always_inline bool frame_parse_udp(struct frame *frame, __u32 length)
{
	struct udphdr *udp = frame->l4;
	struct packet *packet = frame->packet;

	if ((void *)(udp + 1) > frame->end || length < sizeof(*udp) || bpf_ntohs(udp->len) != length)
		return false;
	packet->tuple.sport = udp->source;
	packet->tuple.dport = udp->dest;
	return udp->check == 0 || !is_unfinished(packet, udp->check, length);
}

/* False for what tc is to look at. */
static __always_inline bool frame_parse(struct frame *frame)
{
	struct packet *packet = frame->packet;
	struct ethhdr *eth = frame->start;
	__u32 header, length;

	if ((void *)(eth + 1) > frame->end)
		return false;
	packet->l3 = sizeof(*eth);
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if (!frame_parse_v4(frame))
			return false;
	} else if (eth->h_proto != bpf_htons(ETH_P_IPV6) || !frame_parse_v6(frame)) {
		return false;
	}
	header = frame->l4 - frame->start - sizeof(*eth);
	if (packet->ttl <= 1 || packet->length < header || is_martian(&packet->tuple.src) ||
	    packet->length > frame->end - frame->start - sizeof(*eth))
		return false;
	length = packet->length - header;
	frame->is_tcp = packet->tuple.proto == IPPROTO_TCP;
	if (frame->is_tcp)
		return frame_parse_tcp(frame, length);
	return packet->tuple.proto == IPPROTO_UDP && frame_parse_udp(frame, length);
}

/* A connection that tc began and whose packets are sent on by hand; NULL where tc is to judge. */
static __always_inline struct conntrack_entry *frame_connection(const struct packet *packet)
{
	struct conntrack_entry *entry = conntrack_lookup(&packet->tuple);

	if (!entry || !(entry->flags & CONNTRACK_REDIRECT))
		return NULL;
	/* Each datagram is told what it came to. */
	if ((entry->flags & CONNTRACK_DSR) && packet->tuple.proto == IPPROTO_UDP)
		return NULL;
	return conntrack_usable(entry, packet) ? entry : NULL;
}

/* Finds the next hop; false where it is not one of the interface that the frame came in at, or must be asked for first. */
static __always_inline bool frame_route(const struct xdp_md *ctx, const struct frame *frame, const struct names *names,
					struct bpf_fib_lookup *query)
{
	const struct ethhdr *eth = frame->start;

	query->ifindex = ctx->ingress_ifindex;
	query->l4_protocol = frame->packet->tuple.proto;
	query->sport = names->sport;
	query->dport = names->dport;
	query->tot_len = frame->packet->length;
	if (frame->packet->is_v6) {
		query->family = AF_INET6;
		__builtin_memcpy(query->ipv6_src, &names->src, 16);
		__builtin_memcpy(query->ipv6_dst, &names->dst, 16);
	} else {
		query->family = AF_INET;
		query->ipv4_src = names->src.words[3];
		query->ipv4_dst = names->dst.words[3];
	}
	if (bpf_fib_lookup((void *)ctx, query, sizeof(*query), 0) != BPF_FIB_LKUP_RET_SUCCESS ||
	    query->ifindex != ctx->ingress_ifindex)
		return false;
	/* A switch floods frames for others. */
	for (int i = 0; i < ETH_ALEN; i++)
		if (eth->h_dest[i] != query->smac[i])
			return false;
	return true;
}

static __always_inline void frame_write_l4(struct frame *frame, const struct names *names)
{
	struct packet *packet = frame->packet;
	struct udphdr *udp = frame->l4;
	struct tcphdr *tcp = frame->l4;
	__u16 before = frame->is_tcp ? tcp->check : udp->check, after;

	after = csum_fold(bpf_csum_diff((__be32 *)&packet->tuple, NAMES_SIZE, (__be32 *)names, NAMES_SIZE,
					(__u16)~before));
	/* The ports are at the same place in both. */
	udp->source = names->sport;
	udp->dest = names->dport;
	if (frame->is_tcp)
		tcp->check = after;
	/* Zero means none, and stays (RFC 768). */
	else if (before)
		udp->check = after ? after : 0xffff;
}

static __always_inline void frame_write_v4(struct frame *frame, const struct names *names)
{
	struct iphdr *ip = frame->start + sizeof(struct ethhdr);
	__be32 before[] = { ip->saddr, ip->daddr }, after[] = { names->src.words[3], names->dst.words[3] };
	__u64 sum = bpf_csum_diff(before, sizeof(before), after, sizeof(after), (__u16)~ip->check);

	/* One hop less, which is the first byte of its word. */
	ip->check = csum_fold(sum + bpf_htons(0xfeff));
	ip->ttl--;
	ip->saddr = after[0];
	ip->daddr = after[1];
}

static __always_inline void frame_write_v6(struct frame *frame, const struct names *names)
{
	struct ipv6hdr *ip = frame->start + sizeof(struct ethhdr);

	ip->hop_limit--;
	__builtin_memcpy(&ip->saddr, &names->src, 16);
	__builtin_memcpy(&ip->daddr, &names->dst, 16);
}

static __always_inline void frame_write(struct frame *frame, const struct names *names,
					const struct bpf_fib_lookup *next)
{
	struct ethhdr *eth = frame->start;

	frame_write_l4(frame, names);
	if (frame->is_v6)
		frame_write_v6(frame, names);
	else
		frame_write_v4(frame, names);
	__builtin_memcpy(eth->h_source, next->smac, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, next->dmac, ETH_ALEN);
}
