/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every hook does with a packet: follow its connection, or begin one where it goes to a Service. */
#pragma once
#include "lib/deliver.h"
#include "lib/icmp.h"
#include "lib/nat.h"
#include "lib/policy.h"
#include "lib/reject.h"
#include "lib/unserved.h"

/* Why policies keep the packet from going on, or DROP_NONE. */
static __always_inline int forbidden(struct __sk_buff *skb, struct work *work, const struct serve_options *options,
				     __u8 flags, const struct pod_link *link)
{
	bool leaves, enters;

	if ((!options->from_pod && !link) || !policies())
		return DROP_NONE;
	leaves = options->from_pod && judged_pod(&work->original.src);
	enters = link && judged_pod(&work->packet.tuple.dst);
	return leaves || enters ? policy_pass(skb, flags & CONNTRACK_REPLY, leaves, enters) : DROP_NONE;
}

/* Of no Service: a pod's packet to another one of the node needs no stack. */
static __always_inline int pass(struct __sk_buff *skb, struct work *work, const struct serve_options *options)
{
	struct pod_link *link = options->from_pod ? link_into_pod(skb, work) : NULL;
	int reason;

	if (link && answers_stack_flow(&work->packet.tuple))
		link = NULL;
	reason = forbidden(skb, work, options, 0, link);
	if (reason)
		return drop(skb, work, reason);
	return link ? deliver(skb, work, link) : TC_ACT_UNSPEC;
}

/* To programs behind these, or to the stack: untranslated. */
static __always_inline int leave_to_others(struct __sk_buff *skb, struct work *work, const struct serve_options *options)
{
	int reason = forbidden(skb, work, options, 0, NULL);

	return reason ? drop(skb, work, reason) : TC_ACT_UNSPEC;
}

/* No program behind this one is to judge it: its source is the Service now, which no pod may be. */
static __always_inline int send_on(struct __sk_buff *skb, struct work *work, const struct serve_options *options,
				   __u8 flags)
{
	struct pod_link *link = options->from_pod || options->external ? link_into_pod(skb, work) : NULL;
	int reason = forbidden(skb, work, options, flags, link);

	if (reason)
		return drop(skb, work, reason);
	if (link)
		return deliver(skb, work, link);
	return flags & CONNTRACK_REDIRECT ? forward(skb, work) : TC_ACT_OK;
}

/*
 * Any port of the node's may be a host port from one moment to the next: a connection that is not ours was there before,
 * and goes on with the program of the node that has it.
 */
static __always_inline bool is_of_node(const struct frontend *frontend, const struct packet *packet)
{
	return frontend->kind == FRONTEND_HOST_PORT && packet->tuple.proto == IPPROTO_TCP && !(packet->phase & TCP_SYN);
}

/*
 * What does not begin a connection, and is of none of ours, may be of one that kube-proxy translated before these programs
 * came: the stack knows, by its conntrack, and resets what it does not know either.
 */
static __always_inline bool may_be_earlier(const struct packet *packet, const struct serve_options *options)
{
	struct node_config *config;

	if (!options->external || packet->tuple.proto == IPPROTO_UDP || is_opening(packet))
		return false;
	config = node();
	return config && config->earlier;
}

static __always_inline int serve(struct __sk_buff *skb, struct work *work, const struct serve_options *options)
{
	struct frontend *frontend;
	bool refuse = false;
	__u8 flags = 0;
	int verdict;

	work->original = work->packet.tuple;
	verdict = nat_continue(skb, work, &flags);
	if (options->external && verdict == NAT_DONE && (flags & CONNTRACK_DSR) && dsr_continue(skb, work) < 0)
		return drop(skb, work, DROP_REWRITE);
	if (verdict == NAT_NOT_MINE) {
		/* An answer or a reset begins no connection: no need to ask whether it goes to a Service. */
		if (is_accepting(&work->packet) || (work->packet.phase & TCP_RST))
			return pass(skb, work, options);
		frontend = frontend_lookup(&work->packet.tuple.dst, work->packet.tuple.dport, work->packet.tuple.proto);
		if (!frontend && !is_service_address(&work->packet.tuple.dst))
			return pass(skb, work, options);
		if (!frontend) {
			verdict = unserved_address(skb, work);
			return verdict == TC_ACT_UNSPEC ? leave_to_others(skb, work, options) : verdict;
		}
		/* A loopback address on the wire is for the stack to refuse: only the node's own sockets mean it. */
		if ((frontend->flags & FRONTEND_LOOPBACK) || draining() || is_of_node(frontend, &work->packet) ||
		    may_be_earlier(&work->packet, options))
			return leave_to_others(skb, work, options);
		verdict = nat_begin(skb, work, frontend, options, &refuse);
		flags = work->entry.flags;
	}
	if (refuse)
		return reject(skb, work, DROP_NO_ENDPOINTS);
	if (verdict == NAT_DROPPED)
		return TC_ACT_SHOT;
	return send_on(skb, work, options, flags);
}

/* What has no ports: an error about a translated packet, which the stack must not meet, or nothing of a Service's. */
static __always_inline int serve_other(struct __sk_buff *skb, struct work *work)
{
	int verdict = icmp_translate(skb, work);

	if (verdict == NAT_DROPPED)
		return TC_ACT_SHOT;
	return verdict == NAT_DONE ? forward(skb, work) : unserved_other(skb, work);
}

/* The same at a hook after routing. */
static __always_inline int leave_other(struct __sk_buff *skb, struct work *work)
{
	int verdict = icmp_translate(skb, work);

	if (verdict == NAT_DROPPED)
		return TC_ACT_SHOT;
	return verdict == NAT_DONE ? TC_ACT_UNSPEC : unserved_other(skb, work);
}
