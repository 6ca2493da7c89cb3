/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * NetworkPolicies: a packet is judged where it leaves a pod and where it enters one, by the pod that it leaves or enters. A
 * connection is judged as a whole, by who began it; once allowed it is not again before a policy changes, nor are answers.
 *
 * Pods that no policy isolates have no entry, and their packets cost the look for it.
 */
#pragma once
#include "lib/icmp.h"
#include "lib/node.h"

/* Written once in that time. */
#define POLICY_FLOW_TICK_NS 1000000000ull

static __always_inline struct policy_config *policies(void)
{
	__u32 zero = 0;
	struct policy_config *config = bpf_map_lookup_elem(&policy_config, &zero);

	return config && config->enabled ? config : NULL;
}

static __always_inline struct policy_pod *judged_pod(const struct address *addr)
{
	struct pod_address key = { .addr = *addr };

	return bpf_map_lookup_elem(&policy_pods, &key);
}

static __always_inline bool rule_allows(struct judged *judged, __u64 peer)
{
	judged->rule.peer = peer;
	return bpf_map_lookup_elem(&policy_rules, &judged->rule) != NULL;
}

/* Whether the pod's policies let `peer` in, or the pod out to it, at a port of the side that is called. */
static __always_inline bool policy_allows(struct judged *judged, const struct policy_pod *pod, __u32 direction,
					  const struct address *peer, __be16 port)
{
	struct pod_address key = { .addr = *peer };
	struct policy_block *block;
	struct policy_peer *known;

	judged->rule.prefix = POLICY_RULE_BITS;
	judged->rule.direction = direction;
	judged->rule.subject = pod->subject;
	judged->rule.proto = judged->flow.proto;
	judged->rule.pad = 0;
	judged->rule.port = port;
	judged->rule.pad2 = 0;
	if (rule_allows(judged, 0))
		return true;
	known = bpf_map_lookup_elem(&policy_peers, &key);
	if (known && rule_allows(judged, known->number))
		return true;
	judged->block.prefix = 8 * (sizeof(judged->block) - sizeof(judged->block.prefix));
	judged->block.zero = 0;
	judged->block.addr = *peer;
	block = bpf_map_lookup_elem(&policy_blocks, &judged->block);
	return block && rule_allows(judged, block->number);
}

static __always_inline void flow_touch(struct policy_flow *flow, const struct packet *packet, bool answers)
{
	__u8 now_seen = conntrack_seen(packet), seen = flow->seen[answers], answered = flow->answered;
	__u64 now = bpf_ktime_get_coarse_ns();

	if (is_opening(packet)) {
		seen = 0;
		answered = 0;
		if (flow->seen[1])
			flow->seen[1] = 0;
	}
	/* A connection that goes on was not reset, whoever said so. */
	seen = (now_seen & SEEN_RST ? seen : seen & ~SEEN_RST) | now_seen;
	if (answers && !answered)
		answered = 1;
	if (!answers && answered)
		answered = 2;
	if (flow->seen[answers] != seen)
		flow->seen[answers] = seen;
	if (flow->answered != answered)
		flow->answered = answered;
	if (now - flow->last_seen > POLICY_FLOW_TICK_NS)
		flow->last_seen = now;
}

/* 0, or the reason why the connection cannot be remembered: what answers it would be dropped. */
static __always_inline int flow_insert(struct work *work, __u32 direction, __u32 revision, bool from_node)
{
	struct policy_flow *entry = &work->judged.entry;
	long error;

	__builtin_memset(entry, 0, sizeof(*entry));
	entry->last_seen = bpf_ktime_get_coarse_ns();
	entry->judged[direction & 1] = revision;
	entry->seen[0] = conntrack_seen(&work->packet);
	entry->from_node = from_node;
	error = bpf_map_update_elem(&policy_flows, &work->judged.flow, entry, BPF_NOEXIST);
	/* Another CPU may have been first: the next packet finds it. */
	return error && error != -EEXIST ? DROP_POLICY_FLOWS_FULL : DROP_NONE;
}

/* By direction of the judged pod: EGRESS where it is the tuple's source. */
static __always_inline bool is_allowed_flow(struct judged *judged, const struct tuple *tuple, __u32 direction)
{
	struct policy_flow *flow;

	judged->flow = *tuple;
	flow = bpf_map_lookup_elem(&policy_flows, &judged->flow);
	if (flow && flow->judged[direction & 1])
		return true;
	tuple_reverse(&judged->back, tuple);
	flow = bpf_map_lookup_elem(&policy_flows, &judged->back);
	return flow && flow->judged[!direction];
}

/*
 * An ICMP error about a connection of the pod's that is allowed: the receiver cannot do without it (RFC 1191, RFC 4443).
 * It goes to whom it quotes, and a pod tells of what came to itself: else any quote would carry anything to anybody.
 */
VERIFIED_ONCE int is_about_flow(struct __sk_buff *skb, int entering)
{
	struct work *work = work_current();
	struct conntrack_entry *entry;
	__u32 direction = entering ? POLICY_EGRESS : POLICY_INGRESS;

	if (!work || !work->packet.is_icmp || quoted_parse(skb, work) != PARSE_PORTS)
		return 0;
	if (!address_equal(&work->quoted.tuple.src, &work->judged.target) ||
	    (!entering && !address_equal(&work->quoted.tuple.dst, &work->judged.source)))
		return 0;
	if (is_allowed_flow(&work->judged, &work->quoted.tuple, direction))
		return 1;
	/* Its quote may have been translated back already. */
	entry = conntrack_lookup(&work->quoted.tuple);
	if (!entry)
		return 0;
	conntrack_other_key(&work->judged.back, &work->quoted.tuple, entry);
	tuple_reverse(&work->quoted.tuple, &work->judged.back);
	return is_allowed_flow(&work->judged, &work->quoted.tuple, direction);
}

/* The link's own addresses, which nothing is forwarded to: never another's business (see docs/network-policy.md). */
static __always_inline bool is_of_link(const struct address *addr)
{
	if (!address_is_v4(addr))
		return address_is_v6_link_local(addr) || addr->bytes[0] == 0xff;
	/* Multicast and broadcast; what is between is a network as any other (240.0.0.0/4). */
	return (addr->bytes[12] & 0xf0) == 0xe0 || addr->words[3] == 0xffffffff;
}

static __always_inline bool is_own_node(const struct address *addr)
{
	struct node_config *config = node();

	return config && (address_equal(addr, &config->snat4) || address_equal(addr, &config->snat6));
}

/* Whether it answers a connection that the pod's policies allow still. */
static __always_inline bool answers_allowed(struct work *work, const struct policy_pod *pod, __u32 revision, bool entering)
{
	struct judged *judged = &work->judged;
	__u32 direction = entering ? POLICY_EGRESS : POLICY_INGRESS;
	struct policy_flow *flow;

	if (is_opening(&work->packet))
		return false;
	tuple_reverse(&judged->back, &judged->flow);
	flow = bpf_map_lookup_elem(&policy_flows, &judged->back);
	if (!flow || !flow->judged[direction])
		return false;
	if (flow->judged[direction] != revision) {
		if ((pod->isolated & (1 << direction)) && !flow->from_node &&
		    !policy_allows(judged, pod, direction, entering ? &judged->source : &judged->target, judged->flow.sport)) {
			flow->judged[direction] = 0;
			return false;
		}
		flow->judged[direction] = revision;
	}
	flow_touch(flow, &work->packet, true);
	return true;
}

/* Of a pod that is isolated in one direction at least. `work->judged` says what the packet is. */
VERIFIED_ONCE int policy_judge(struct __sk_buff *skb, int entering, int from_node)
{
	__u32 direction = entering ? POLICY_INGRESS : POLICY_EGRESS, revision;
	struct policy_config *config = policies();
	struct work *work = work_current();
	struct policy_flow *flow;
	struct judged *judged;
	struct policy_pod *pod;

	if (!work || !config)
		return DROP_NONE;
	judged = &work->judged;
	/* Before the maps are looked at: what changes meanwhile is of another revision. */
	revision = config->revision;
	pod = judged_pod(entering ? &judged->target : &judged->source);
	if (!pod || address_equal(&judged->source, &judged->target))
		return DROP_NONE;
	if (!entering && (is_of_link(&judged->target) || is_own_node(&judged->target)))
		return DROP_NONE;
	/* Of others, not what has such a source: nobody forwards it, but a hook that translates it may be past the stack. */
	if (from_node && (is_of_link(&judged->source) || is_own_node(&judged->source)))
		return DROP_NONE;
	flow = bpf_map_lookup_elem(&policy_flows, &judged->flow);
	if (flow && flow->judged[direction] == revision) {
		flow_touch(flow, &work->packet, false);
		return DROP_NONE;
	}
	if (!flow && !from_node && answers_allowed(work, pod, revision, entering))
		return DROP_NONE;
	if ((pod->isolated & (1 << direction)) && !from_node && !(flow && flow->from_node) &&
	    !policy_allows(judged, pod, direction, entering ? &judged->source : &judged->target, judged->flow.dport)) {
		if (flow)
			flow->judged[direction] = 0;
		if (is_about_flow(skb, entering))
			return DROP_NONE;
		return entering ? DROP_POLICY_INGRESS : DROP_POLICY_EGRESS;
	}
	if (!flow) {
		int reason = flow_insert(work, direction, revision, from_node);

		/* Where answers pass anyway it only saves the look at the rules. */
		return pod->isolated & (1 << !direction) ? reason : DROP_NONE;
	}
	flow->judged[direction] = revision;
	flow_touch(flow, &work->packet, false);
	return DROP_NONE;
}

/*
 * A packet that a hook has followed or translated, `original` as it came: what answers has another name then, what goes to
 * a Service is its backend's now. Judged where it leaves a pod, and where it is put into one past the stack.
 */
VERIFIED_ONCE int policy_pass(struct __sk_buff *skb, int answers, int leaves, int enters)
{
	struct work *work = work_current();
	int reason;

	if (!work)
		return DROP_NONE;
	work->judged.flow = answers ? work->original : work->packet.tuple;
	work->judged.source = work->original.src;
	work->judged.target = work->packet.tuple.dst;
	reason = leaves ? policy_judge(skb, 0, 0) : DROP_NONE;
	return !reason && enters ? policy_judge(skb, 1, 0) : reason;
}

/*
 * A packet about to enter a pod by the stack, before it is translated here. Where another hook has translated it the
 * connection's other entry tells what it was.
 */
VERIFIED_ONCE int policy_enter(struct __sk_buff *skb)
{
	struct work *work = work_current();
	struct conntrack_entry *entry;
	struct judged *judged;

	if (!work)
		return DROP_NONE;
	judged = &work->judged;
	/* These programs answer the pod itself, or it has reached itself by a Service. */
	if (skb->ingress_ifindex == skb->ifindex)
		return DROP_NONE;
	judged->flow = work->packet.tuple;
	judged->source = work->packet.tuple.src;
	judged->target = work->packet.tuple.dst;
	tuple_reverse(&judged->back, &judged->flow);
	entry = conntrack_lookup(&judged->back);
	if (entry && (entry->flags & CONNTRACK_REPLY)) {
		judged->source = entry->new_dst;
	} else if (entry && !(entry->flags & CONNTRACK_DIRECT)) {
		judged->source = entry->new_dst;
		conntrack_other_key(&judged->flow, &judged->back, entry);
	}
	/* The kernel forgets where IPv6 fragments came from that it has put together and splits again; its own have a socket. */
	return policy_judge(skb, 1, skb->ingress_ifindex == 0 && (skb->sk || work->packet.fragment == FRAGMENT_NONE));
}
