/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Into a pod of this node past the node's stack, which would only route: no forwarding, no netfilter, no second softirq.
 * What the stack has a say in (hop limit, fragments, options, an MTU) goes by it.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/drop.h"
#include "lib/fib.h"
#include "lib/maps.h"
#include "lib/node.h"

static __always_inline bool needs_stack(const struct __sk_buff *skb, const struct packet *packet,
					const struct pod_link *link)
{
	__u32 header = packet->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 length = skb->gso_size ? header + packet->l4_header + skb->gso_size : packet->length;

	return skb->pkt_type != PACKET_HOST || packet->fragment != FRAGMENT_NONE || packet->ttl <= 1 ||
	       packet->l4 - packet->l3 != header || length > link->mtu;
}

/* The way into the pod that the packet goes to, or NULL: it is not on this node, or the stack is needed. */
static __always_inline struct pod_link *link_into_pod(const struct __sk_buff *skb, const struct work *work)
{
	struct pod_address key = { .addr = work->packet.tuple.dst };
	struct pod_link *link = bpf_map_lookup_elem(&pod_links, &key);
	struct node_config *config;

	if (!link || needs_stack(skb, &work->packet, link))
		return NULL;
	config = node();
	return config && config->past_stack && !config->draining ? link : NULL;
}

static __always_inline int deliver(struct __sk_buff *skb, struct work *work, const struct pod_link *link)
{
	if (ttl_decrement(skb, &work->packet) < 0 ||
	    bpf_skb_store_bytes(skb, 0, link->mac, sizeof(link->mac) + sizeof(link->host_mac), 0) < 0)
		return drop(skb, work, DROP_REWRITE);
	return bpf_redirect_peer(link->ifindex, 0);
}
