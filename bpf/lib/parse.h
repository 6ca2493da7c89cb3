/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to a tuple. Reads through bpf_skb_load_bytes: headers may lie outside the linear part, and no
 * pointer into the packet is kept that rewriting would make stale.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/maps.h"
#include "lib/packet.h"
#include "lib/sctp.h"

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET 0x1fff
/* RFC 8200, section 4.1: hop-by-hop, destination, routing, fragment, destination again. */
#define IPV6_EXTENSIONS 5

enum parse_result {
	/* TCP, UDP or SCTP; the tuple is whole. */
	PARSE_PORTS = 0,
	/* IP; the tuple has addresses and protocol only. */
	PARSE_IP,
	PARSE_NOT_IP,
	PARSE_MALFORMED,
};

#define HEADER_OFFSET_MAX 0x3fff

/* Copies header bytes: straight from the linear part, where they nearly always lie, or by the helper. */
static __always_inline int header_load(struct __sk_buff *skb, __u32 offset, void *to, __u32 size)
{
	void *start = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u64 bounded = offset;

	if (offset > HEADER_OFFSET_MAX)
		return bpf_skb_load_bytes(skb, offset, to, size);
	/* The compiler knows that this changes nothing; the verifier does not. */
	asm volatile("%0 &= 0x3fff" : "+r"(bounded));
	if (start + bounded + size > end)
		return bpf_skb_load_bytes(skb, offset, to, size);
	/* Not so, but where eBPF is compiled to machine code words may lie anywhere, and are read at once. */
	__builtin_memcpy(to, __builtin_assume_aligned(start + bounded, 4), size);
	return 0;
}

struct ports {
	__be16 sport;
	__be16 dport;
};

static __always_inline void fragment_key_init(struct fragment_key *key, const struct packet *packet)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = packet->tuple.src;
	key->dst = packet->tuple.dst;
	key->id = packet->fragment_id;
	key->proto = packet->tuple.proto;
}

/*
 * Keeps the ports of a first fragment for those that follow. Apart from parse(), since the map is all of the
 * node's: a pod's packet may be remembered only once its source was found to be its own.
 */
static __always_inline void fragment_remember(const struct packet *packet)
{
	struct fragment_ports now = { .sport = packet->tuple.sport, .dport = packet->tuple.dport };
	struct fragment_key key;

	if (packet->fragment != FRAGMENT_FIRST)
		return;
	fragment_key_init(&key, packet);
	bpf_map_update_elem(&fragments, &key, &now, BPF_ANY);
}

/* For what cannot be told from its own bytes: later fragments have the first one's ports. */
static __always_inline int fragment_ports(const struct packet *packet, struct ports *ports)
{
	struct fragment_ports *known;
	struct fragment_key key;

	fragment_key_init(&key, packet);
	known = bpf_map_lookup_elem(&fragments, &key);
	if (!known)
		return -1;
	ports->sport = known->sport;
	ports->dport = known->dport;
	return 0;
}

/* Bytes 4 to 15 of TCP's header. */
struct tcp_state {
	__be32 seq;
	__be32 ack;
	__u8 offset;
	__u8 flags;
	__be16 window;
};

#define TCP_OPTION_END 0
#define TCP_OPTION_NOP 1
#define TCP_OPTION_TIMESTAMPS 8

struct tcp_option {
	__u8 kind;
	__u8 length;
};

/* The timestamp (RFC 7323) among a TCP header's options, host order; 0 without one. */
VERIFIED_ONCE __u32 tcp_stamp(struct __sk_buff *skb, __u32 at, __u32 end)
{
	struct tcp_option option;
	__be32 stamp;

	for (int i = 0; i < 12; i++) {
		if (at + 10 > end || bpf_skb_load_bytes(skb, at, &option, sizeof(option)) < 0)
			return 0;
		if (option.kind == TCP_OPTION_TIMESTAMPS)
			return bpf_skb_load_bytes(skb, at + 2, &stamp, sizeof(stamp)) < 0 ? 0 : bpf_ntohl(stamp);
		if (option.kind == TCP_OPTION_END || (option.kind != TCP_OPTION_NOP && option.length < 2))
			return 0;
		at += option.kind == TCP_OPTION_NOP ? 1 : option.length;
	}
	return 0;
}

static __always_inline int parse_tcp(struct __sk_buff *skb, struct packet *packet)
{
	struct tcp_state tcp;

	if (header_load(skb, packet->l4 + 4, &tcp, sizeof(tcp)) < 0)
		return -1;
	packet->seq = bpf_ntohl(tcp.seq);
	packet->ack = bpf_ntohl(tcp.ack);
	packet->l4_header = (tcp.offset >> 4) * 4;
	packet->phase = tcp.flags;
	if (tcp.flags & (TCP_SYN | TCP_FIN))
		packet->stamp = tcp_stamp(skb, packet->l4 + sizeof(struct tcphdr), packet->l4 + packet->l4_header);
	return 0;
}

static __always_inline int parse_sctp(struct __sk_buff *skb, struct packet *packet)
{
	struct sctp_header sctp;

	if (header_load(skb, packet->l4, &sctp, sizeof(sctp)) < 0)
		return -1;
	packet->phase = sctp_phase(sctp.chunk);
	return 0;
}

/* What the transport header tells besides its ports. */
static __always_inline int parse_phase(struct __sk_buff *skb, struct packet *packet)
{
	/* A quote may end after 8 bytes of it (RFC 792). */
	if (packet->is_quote)
		return 0;
	if (packet->tuple.proto == IPPROTO_TCP)
		return parse_tcp(skb, packet);
	if (packet->tuple.proto == IPPROTO_SCTP)
		return parse_sctp(skb, packet);
	return 0;
}

/* The least that the transport's header takes, in a first fragment too (RFC 1858: a tiny one hides what it is). */
static __always_inline __u32 transport_minimum(__u8 proto)
{
	if (proto == IPPROTO_TCP)
		return sizeof(struct tcphdr);
	return proto == IPPROTO_UDP ? sizeof(struct udphdr) : sizeof(struct sctp_header);
}

static __always_inline int parse_ports(struct __sk_buff *skb, struct packet *packet)
{
	struct ports ports = {};

	if (packet->tuple.proto == IPPROTO_ICMP || packet->tuple.proto == IPPROTO_ICMPV6)
		packet->is_icmp = 1;
	if (packet->tuple.proto != IPPROTO_TCP && packet->tuple.proto != IPPROTO_UDP &&
	    packet->tuple.proto != IPPROTO_SCTP)
		return PARSE_IP;
	if (packet->fragment != FRAGMENT_LATER) {
		__u32 end = packet->l4 + transport_minimum(packet->tuple.proto);

		/* Neither cut, nor in what lies behind the packet's own end. Else it would begin a connection in vain. */
		if (!packet->is_quote && (end > skb->len || end > packet->l3 + packet->length))
			return PARSE_MALFORMED;
		if (header_load(skb, packet->l4, &ports, sizeof(ports)) < 0)
			return PARSE_MALFORMED;
		if (parse_phase(skb, packet) < 0)
			return PARSE_MALFORMED;
	}
	if (packet->is_quote && packet->fragment == FRAGMENT_LATER)
		return PARSE_IP;
	if (packet->fragment == FRAGMENT_LATER && fragment_ports(packet, &ports) < 0)
		return PARSE_IP;
	packet->tuple.sport = ports.sport;
	packet->tuple.dport = ports.dport;
	return PARSE_PORTS;
}

/* One of 64 KiB and more, which the kernel splits on its way out, says zero (RFC 2675, and BIG TCP for IPv4). */
static __always_inline __u32 stated_length(const struct __sk_buff *skb, const struct packet *packet, __u32 stated,
					   __u32 header)
{
	return stated == 0 && skb->gso_size ? skb->len - packet->l3 : stated + header;
}

static __always_inline int parse_v4(struct __sk_buff *skb, struct packet *packet)
{
	struct iphdr ip;
	__u16 position;

	if (header_load(skb, packet->l3, &ip, sizeof(ip)) < 0)
		return PARSE_MALFORMED;
	if (ip.version != 4 || ip.ihl < 5)
		return PARSE_MALFORMED;
	address_from_v4(&packet->tuple.src, ip.saddr);
	address_from_v4(&packet->tuple.dst, ip.daddr);
	packet->tuple.proto = ip.protocol;
	packet->ttl = ip.ttl;
	packet->length = stated_length(skb, packet, bpf_ntohs(ip.tot_len), 0);
	packet->l4 = packet->l3 + ip.ihl * 4;
	if (packet->length < ip.ihl * 4u)
		return PARSE_MALFORMED;
	position = bpf_ntohs(ip.frag_off);
	packet->fragment_id = ip.id;
	if (position & IP_OFFSET)
		packet->fragment = FRAGMENT_LATER;
	else if (position & IP_MORE_FRAGMENTS)
		packet->fragment = FRAGMENT_FIRST;
	return parse_ports(skb, packet);
}

struct extension {
	__u8 next;
	__u8 length;
	__be16 position;
	__be32 id;
};

static __always_inline bool is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS ||
	       header == IPPROTO_FRAGMENT;
}

/* More of them than are walked, so that what follows is not known; a later fragment does not tell. */
static __always_inline bool is_obscure(const struct packet *packet)
{
	return packet->is_v6 && packet->fragment != FRAGMENT_LATER && is_extension(packet->tuple.proto);
}

/* Walks hop-by-hop, routing, destination options and fragment headers (RFC 8200, section 4.1). */
static __always_inline int parse_v6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip;
	__u8 next;

	if (header_load(skb, packet->l3, &ip, sizeof(ip)) < 0)
		return PARSE_MALFORMED;
	if (ip.version != 6)
		return PARSE_MALFORMED;
	__builtin_memcpy(&packet->tuple.src, &ip.saddr, 16);
	__builtin_memcpy(&packet->tuple.dst, &ip.daddr, 16);
	/* In the maps such an address is IPv4, whose connections are not for packets of IPv6 to touch. */
	if (address_is_v4(&packet->tuple.src) || address_is_v4(&packet->tuple.dst))
		return PARSE_MALFORMED;
	packet->is_v6 = 1;
	packet->ttl = ip.hop_limit;
	packet->length = stated_length(skb, packet, bpf_ntohs(ip.payload_len), sizeof(ip));
	packet->l4 = packet->l3 + sizeof(ip);
	next = ip.nexthdr;
	for (int i = 0; i < IPV6_EXTENSIONS; i++) {
		struct extension extension;

		if (!is_extension(next))
			break;
		if (header_load(skb, packet->l4, &extension, sizeof(extension)) < 0)
			return PARSE_MALFORMED;
		if (next == IPPROTO_FRAGMENT) {
			__u16 position = bpf_ntohs(extension.position);

			packet->fragment_id = extension.id;
			packet->l4 += 8;
			if (position & 0xfff8)
				packet->fragment = FRAGMENT_LATER;
			else if (position & 1)
				packet->fragment = FRAGMENT_FIRST;
		} else {
			packet->l4 += (extension.length + 1) * 8;
		}
		next = extension.next;
		if (packet->fragment == FRAGMENT_LATER)
			break;
	}
	packet->tuple.proto = next;
	return parse_ports(skb, packet);
}

static __always_inline int parse(struct __sk_buff *skb, struct packet *packet)
{
	struct ethhdr eth;

	if (header_load(skb, 0, &eth, sizeof(eth)) < 0)
		return PARSE_MALFORMED;
	__builtin_memcpy(packet->l2_src, eth.h_source, 6);
	packet->l3 = sizeof(eth);
	if (eth.h_proto == bpf_htons(ETH_P_IP))
		return parse_v4(skb, packet);
	if (eth.h_proto == bpf_htons(ETH_P_IPV6))
		return parse_v6(skb, packet);
	return PARSE_NOT_IP;
}
