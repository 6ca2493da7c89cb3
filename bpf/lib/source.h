/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pod sends from its own addresses and MAC, or not at all (anti-spoofing at the host end of its veth). */
#pragma once
#include "lib/addr.h"
#include "lib/drop.h"
#include "lib/maps.h"
#include "lib/parse.h"

static __always_inline bool endpoint_owns(const struct endpoint *endpoint, const struct address *addr)
{
	for (int i = 0; i < ENDPOINT_ADDRESSES; i++)
		if (i < endpoint->count && address_equal(&endpoint->addrs[i], addr))
			return true;
	return false;
}

/* Neighbour discovery and MLD speak from a link-local or, for DAD, from no address (RFC 4861, RFC 3810). */
static __always_inline bool is_link_scope(const struct packet *packet)
{
	return packet->is_v6 && packet->tuple.proto == IPPROTO_ICMPV6 &&
	       (address_is_v6_link_local(&packet->tuple.src) || address_is_zero(&packet->tuple.src));
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	for (int i = 0; i < 6; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* RFC 826, for Ethernet and IPv4. */
struct arp_ipv4 {
	__u8 header[8];
	__u8 sender_mac[6];
	__u8 sender_ip[4];
};

/* A sender of all zero is a probe (RFC 5227). */
static __always_inline bool arp_allowed(struct __sk_buff *skb, const struct endpoint *endpoint)
{
	struct arp_ipv4 arp;
	struct address sender;
	__be32 ip;

	if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &arp, sizeof(arp)) < 0)
		return false;
	__builtin_memcpy(&ip, arp.sender_ip, 4);
	address_from_v4(&sender, ip);
	return mac_equal(arp.sender_mac, endpoint->mac) && (ip == 0 || endpoint_owns(endpoint, &sender));
}

/* DROP_NONE, or why the packet is not the pod's own. */
static __always_inline int source_check(struct __sk_buff *skb, const struct packet *packet, int parsed)
{
	__u32 ifindex = skb->ifindex;
	struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &ifindex);

	if (!endpoint)
		return DROP_UNKNOWN_ENDPOINT;
	if (!mac_equal(packet->l2_src, endpoint->mac))
		return DROP_SOURCE_MAC;
	if (skb->vlan_present || skb->protocol == bpf_htons(ETH_P_8021Q) || skb->protocol == bpf_htons(ETH_P_8021AD))
		return DROP_VLAN;
	if (parsed == PARSE_NOT_IP) {
		if (skb->protocol == bpf_htons(ETH_P_ARP) && !arp_allowed(skb, endpoint))
			return DROP_SOURCE_ADDRESS;
		return DROP_NONE;
	}
	if (endpoint_owns(endpoint, &packet->tuple.src) || is_link_scope(packet))
		return DROP_NONE;
	return DROP_SOURCE_ADDRESS;
}
