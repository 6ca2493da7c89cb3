/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What goes to a Service's address and is served by no frontend: it has no business outside of the node. As
 * kube-proxy's chain cluster-ips-check (nftables mode, in its hooks forward and output, for what is new to conntrack): a
 * ClusterIP refuses other ports and all protocols without any, and an address that no Service has gets no answer.
 */
#pragma once
#include "lib/reject.h"
#include "lib/service-cidr.h"

VERIFIED_ONCE int unserved_address(struct __sk_buff *skb, struct work *work)
{
	struct frontend *address;

	if (!work)
		return TC_ACT_SHOT;
	address = address_lookup(&work->packet.tuple.dst);
	if (!address)
		return drop(skb, work, DROP_NO_SERVICE);
	if (address->kind == FRONTEND_OTHER_PROXY)
		return TC_ACT_UNSPEC;
	/* Conntrack would hold it until the datagram is whole; a program can hold nothing. */
	if (work->packet.fragment == FRAGMENT_LATER && !work->packet.tuple.dport)
		return drop(skb, work, DROP_FRAGMENT_ORDER);
	work->original = work->packet.tuple;
	return reject(skb, work, DROP_NO_SERVICE_PORT);
}

/* What nf_conntrack takes for the beginning of something: echo, timestamp, information and mask; echo and node information. */
static __always_inline bool is_icmp_request(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 type;

	if (header_load(skb, packet->l4, &type, 1) < 0)
		return false;
	if (packet->tuple.proto == IPPROTO_ICMPV6)
		return type == 128 || type == 139;
	return type == 8 || type == 13 || type == 15 || type == 17;
}

/* Of ICMP only requests are refused: errors are about others, and are never answered (RFC 1122, section 3.2.2). */
static __always_inline int unserved_other(struct __sk_buff *skb, struct work *work)
{
	if (work->packet.is_icmp && work->packet.fragment != FRAGMENT_LATER && !is_icmp_request(skb, &work->packet))
		return TC_ACT_UNSPEC;
	return is_service_address(&work->packet.tuple.dst) ? unserved_address(skb, work) : TC_ACT_UNSPEC;
}
