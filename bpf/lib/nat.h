/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translation per packet. A client's first packet chooses a backend and writes both entries; all later ones
 * only follow them. The source is kept where the reply is sure to come back through this node's hooks, and
 * otherwise becomes the node's own address with a port of the range that nothing else uses.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/conntrack.h"
#include "lib/drop.h"
#include "lib/dsr.h"
#include "lib/fib.h"
#include "lib/node.h"
#include "lib/rewrite.h"

#define SNAT_TRIES 64
/* Until then only ports that are free, and until then only those of whose backends the new connection is welcome. */
#define SNAT_TRIES_FREE 16
#define SNAT_TRIES_WELCOME 56
#define EEXIST 17

enum nat_verdict {
	/* Rewritten; the hook decides how it goes on. */
	NAT_DONE = 0,
	NAT_DROPPED = 1,
	NAT_NOT_MINE = 2,
};

static __always_inline int nat_apply(struct __sk_buff *skb, struct work *work, struct conntrack_entry *entry)
{
	/* Rewriting may move the packet, never the entry, but another CPU may write it: read it once. */
	struct address src = entry->new_src, dst = entry->new_dst;
	__be16 sport = entry->new_sport, dport = entry->new_dport;

	if (rewrite_source(skb, &work->packet, &src, sport) < 0 ||
	    rewrite_destination(skb, &work->packet, &dst, dport) < 0) {
		drop_record(skb, work, DROP_REWRITE);
		return NAT_DROPPED;
	}
	return NAT_DONE;
}

static __always_inline int reply_insert(struct work *work)
{
	work->reply.proto = work->forward.proto;
	return bpf_map_update_elem(&conntrack, &work->reply, &work->reply_entry, BPF_NOEXIST);
}

/* One question and its answer, and nothing for a while: nf_conntrack too has a short timeout for it. */
#define ANSWERED_AGO_NS 2000000000ll

static __always_inline bool exchange_is_over(const struct conntrack_entry *forward, const struct conntrack_entry *reply)
{
	/* Another CPU may have seen an answer since the clock was read: that is no time ago. */
	__s64 idle = bpf_ktime_get_ns() - reply->last_seen;

	/* The first packet is not counted. */
	return forward->packets == 0 && reply->packets > 0 && idle > ANSWERED_AGO_NS;
}

/*
 * Whether the connection that has the reply's tuple is over, and where `welcome` the new one is that to its backend; *key
 * is its client's side.
 */
static __always_inline bool tuple_is_left(const struct work *work, bool welcome, struct tuple *key)
{
	struct conntrack_entry *reply = bpf_map_lookup_elem(&conntrack, &work->reply), *forward;

	if (!reply)
		return false;
	conntrack_partner_key(key, &work->reply, reply);
	forward = bpf_map_lookup_elem(&conntrack, key);
	/* Half a connection is one that another CPU is about to make, or that the collector will find. */
	if (!forward)
		return false;
	if (key->proto == IPPROTO_UDP ? !exchange_is_over(forward, reply) :
					!connection_is_over(forward, reply, key->proto))
		return false;
	return !welcome || is_welcome(&work->packet, forward, reply);
}

/*
 * As reply_insert, for a tuple that another connection has, which may be over: its entries wait only for what is still
 * on its way. Asked before the claim is held, which costs more and is seldom got, and again then.
 */
VERIFIED_ONCE int reply_take_over(bool welcome)
{
	struct work *work = work_current();
	struct tuple key;
	__u32 held = 1;
	int error = -EEXIST;

	if (!work || !tuple_is_left(work, welcome, &key))
		return -EEXIST;
	if (bpf_map_update_elem(&takeovers, &work->reply, &held, BPF_NOEXIST))
		return -EEXIST;
	if (tuple_is_left(work, welcome, &key)) {
		bpf_map_delete_elem(&conntrack, &key);
		bpf_map_delete_elem(&conntrack, &work->reply);
		error = reply_insert(work);
	}
	bpf_map_delete_elem(&takeovers, &work->reply);
	return error;
}

static __always_inline bool was_claimed_before(const struct work *work)
{
	return work->before.dport && work->before.sport == work->reply.sport &&
	       address_equal(&work->before.src, &work->reply.src) && address_equal(&work->before.dst, &work->reply.dst);
}

/*
 * Tries random ports, so that taken ones in a row cost no more than others: free ones first, then those of connections
 * that are over, where the backend will not mind before others. The last ones lie side by side, so that none is tried
 * twice. The reply's tuple is the claim on a port: the same port serves any number of backends, and two connections
 * never share a tuple.
 */
VERIFIED_ONCE int snat_claim(void)
{
	struct node_config *config = node();
	struct work *work = work_current();
	const struct address *source;
	__u32 span, at = 0;

	if (!work || !config)
		return -1;
	source = work->packet.is_v6 ? &config->snat6 : &config->snat4;
	span = (__u32)config->snat_last - config->snat_first + 1;
	if (address_is_zero(source) || span == 0 || span > 65535)
		return -1;
	work->reply.dst = *source;
	work->entry.new_src = *source;
	work->entry.flags |= CONNTRACK_SNAT | CONNTRACK_REDIRECT;
	for (int i = 0; i < SNAT_TRIES; i++) {
		__be16 candidate;
		int error;

		at = i < SNAT_TRIES_WELCOME ? bpf_get_prandom_u32() : at + 1;
		candidate = bpf_htons(config->snat_first + at % span);
		if (i == 0 && was_claimed_before(work))
			candidate = work->before.dport;

		work->reply.dport = candidate;
		work->entry.new_sport = candidate;
		error = reply_insert(work);
		if (error == -EEXIST && i >= SNAT_TRIES_FREE)
			error = reply_take_over(i < SNAT_TRIES_WELCOME);
		if (!error)
			return 0;
		if (error != -EEXIST)
			return -DROP_CONNTRACK_FULL;
	}
	return -DROP_SNAT_EXHAUSTED;
}

static __always_inline void entries_init(struct work *work, const struct backend *backend, __u32 backend_id)
{
	struct conntrack_entry *entry = &work->entry, *reply = &work->reply_entry;

	__builtin_memset(entry, 0, sizeof(*entry));
	entry->version = CONNTRACK_VERSION;
	entry->backend_id = backend_id;
	entry->backend_generation = backend->generation;
	entry->last_seen = bpf_ktime_get_ns();
	*reply = *entry;
	entry->new_src = work->forward.src;
	entry->new_sport = work->forward.sport;
	entry->new_dst = backend->addr;
	entry->new_dport = backend->port;
	if (work->packet.l4_header)
		conntrack_follow(entry, &work->packet);
	reply->flags = CONNTRACK_REPLY | CONNTRACK_REDIRECT;
	reply->new_src = work->forward.dst;
	reply->new_sport = work->forward.dport;
	reply->new_dst = work->forward.src;
	reply->new_dport = work->forward.sport;
}

/* Writes both entries of a new connection; 0, or the reason to drop it. */
static __always_inline int connection_insert(struct work *work, bool snat)
{
	int error = -1;

	conntrack_other_key(&work->reply, &work->forward, &work->entry);
	if (!snat) {
		error = reply_insert(work);
		if (error == -EEXIST)
			error = reply_take_over(false);
		if (error && error != -EEXIST)
			return DROP_CONNTRACK_FULL;
	}
	/* Another connection of the same port to the same backend goes on: a source port of our own tells them apart. */
	if (error) {
		error = snat_claim();
		if (error)
			return error == -1 ? DROP_SNAT_EXHAUSTED : -error;
	}
	if (bpf_map_update_elem(&conntrack, &work->forward, &work->entry, BPF_ANY)) {
		bpf_map_delete_elem(&conntrack, &work->reply);
		return DROP_CONNTRACK_FULL;
	}
	return 0;
}

struct serve_options {
	bool from_pod;
	/* The client is outside the cluster or on another node: external pool. */
	bool external;
	/* Replies of remote backends would not come back here. */
	bool snat_remote;
	bool snat_always;
	/* After rewriting the reply goes to the node's own stack. */
	bool reply_to_stack;
};

/*
 * A packet to a frontend, without an entry yet.
 * NAT_NOT_MINE with *refuse set: the frontend has no endpoint.
 */
static __always_inline int nat_begin(struct __sk_buff *skb, struct work *work, struct frontend *frontend,
				     const struct serve_options *options, bool *refuse)
{
	const struct pool *pool = options->external ? &frontend->external : &frontend->internal;
	__u16 silent = options->external ? FRONTEND_DROP_EXTERNAL : FRONTEND_DROP_INTERNAL;
	struct client client = {
		.addr = work->packet.tuple.src,
		.flow = (__u32)work->packet.tuple.sport << 16 | work->packet.tuple.dport,
		.is_v6 = work->packet.is_v6,
	};
	struct backend *backend;
	__u32 backend_id = 0;
	bool dsr, snat;
	int reason;

	if (!source_allowed(frontend, &work->packet.tuple.src)) {
		drop_record(skb, work, DROP_SOURCE_RANGES);
		return NAT_DROPPED;
	}
	backend = backend_choose(frontend, pool, &client, &backend_id);
	if (!backend) {
		if (frontend->flags & silent) {
			drop_record(skb, work, DROP_NO_ENDPOINTS_IN_SCOPE);
			return NAT_DROPPED;
		}
		*refuse = true;
		return NAT_NOT_MINE;
	}
	will_translate();
	work->forward = work->packet.tuple;
	entries_init(work, backend, backend_id);
	if (options->reply_to_stack)
		work->reply_entry.flags &= ~CONNTRACK_REDIRECT;
	/* A pod that reaches itself would see its own address as the source, and drop it. */
	snat = options->snat_always || address_equal(&backend->addr, &work->forward.src);
	dsr = options->external && !snat && dsr_possible(skb, work, frontend, backend);
	snat = snat || (options->snat_remote && !(backend->flags & BACKEND_LOCAL));
	reason = dsr ? dsr_insert(work) : connection_insert(work, snat);
	if (reason) {
		drop_record(skb, work, reason);
		return NAT_DROPPED;
	}
	work->entry.seen = 0;
	if (nat_apply(skb, work, &work->entry) != NAT_DONE)
		return NAT_DROPPED;
	if (dsr && dsr_tell(skb, &work->packet, &work->original) < 0) {
		drop_record(skb, work, DROP_REWRITE);
		return NAT_DROPPED;
	}
	return NAT_DONE;
}

/* A packet of a known connection; NAT_NOT_MINE where there is none. The entry's *flags tell how it must go on. */
static __always_inline int nat_continue(struct __sk_buff *skb, struct work *work, __u8 *flags)
{
	struct conntrack_entry *entry = conntrack_lookup(&work->packet.tuple);

	if (!entry)
		return NAT_NOT_MINE;
	if (!conntrack_usable(entry, &work->packet)) {
		conntrack_forget(work, entry);
		return NAT_NOT_MINE;
	}
	conntrack_touch(entry, &work->packet);
	*flags = entry->flags;
	return nat_apply(skb, work, entry);
}
