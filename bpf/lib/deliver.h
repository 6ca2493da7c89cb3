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
	__u32 length = length_on_wire(skb, packet);

	return skb->pkt_type != PACKET_HOST || skb->vlan_present || length == 0 || packet->fragment != FRAGMENT_NONE || packet->ttl <= 1 ||
	       packet->l4 - packet->l3 != header || length > link->mtu;
}

/*
 * Answers go the way that what they answer came: what came to a pod by the stack may have been translated there (a port
 * of the host, another proxy's Service, a rule of the node's), which only the stack undoes.
 */
static __always_inline void note_stack_flow(const struct tuple *tuple)
{
	struct pod_address source = { .addr = tuple->src };
	struct activity *now;
	struct tuple answer;
	__u32 zero = 0;
	__u8 noted = 1;

	if (!bpf_map_lookup_elem(&pod_links, &source))
		return;
	tuple_reverse(&answer, tuple);
	if (bpf_map_lookup_elem(&stack_flows, &answer))
		return;
	now = bpf_map_lookup_elem(&activity, &zero);
	if (now)
		now->stack_flows = 1;
	bpf_map_update_elem(&stack_flows, &answer, &noted, BPF_ANY);
}

static __always_inline bool answers_stack_flow(const struct tuple *tuple)
{
	__u32 zero = 0;
	struct activity *now = bpf_map_lookup_elem(&activity, &zero);

	return now && now->stack_flows && bpf_map_lookup_elem(&stack_flows, tuple);
}

/* Whether the packet, about to leave the stack, came to it from one of the node's pods. */
static __always_inline bool comes_from_beside(const struct __sk_buff *skb)
{
	struct node_config *config;

	if (!skb->ingress_ifindex)
		return false;
	config = node();
	return config && skb->ingress_ifindex != config->uplink_ifindex;
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
