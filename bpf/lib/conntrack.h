/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Own connection tracking, for translated connections only; see shared/conntrack.h for the two entries. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/lb.h"
#include "lib/maps.h"
#include "lib/parse.h"

static __always_inline bool any_translated(void)
{
	__u32 zero = 0;
	struct activity *now = bpf_map_lookup_elem(&activity, &zero);

	return !now || now->translated;
}

static __always_inline void will_translate(void)
{
	__u32 zero = 0;
	struct activity *now = bpf_map_lookup_elem(&activity, &zero);

	if (now && !now->translated)
		now->translated = 1;
}

static __always_inline struct conntrack_entry *conntrack_lookup(const struct tuple *tuple)
{
	if (!any_translated())
		return NULL;
	return bpf_map_lookup_elem(&conntrack, tuple);
}

static __always_inline __u8 conntrack_seen(const struct packet *packet)
{
	__u8 flags = packet->phase;

	return (flags & TCP_SYN ? SEEN_SYN : 0) | (flags & TCP_ACK ? SEEN_ACK : 0) | (flags & TCP_FIN ? SEEN_FIN : 0) |
	       (flags & TCP_RST ? SEEN_RST : 0);
}

static __always_inline void conntrack_touch(struct conntrack_entry *entry, const struct packet *packet)
{
	/* A connection that goes on was not reset, whoever said so. */
	__u8 seen = (entry->seen & ~SEEN_RST) | conntrack_seen(packet);

	entry->last_seen = bpf_ktime_get_ns();
	if (seen != entry->seen)
		entry->seen = seen;
	__sync_fetch_and_add(&entry->packets, 1);
	__sync_fetch_and_add(&entry->bytes, packet->length);
}

/* The key of the other direction. */
static __always_inline void conntrack_other_key(struct tuple *to, const struct tuple *key,
						const struct conntrack_entry *entry)
{
	to->src = entry->new_dst;
	to->dst = entry->new_src;
	to->sport = entry->new_dport;
	to->dport = entry->new_sport;
	to->proto = key->proto;
	__builtin_memset(to->pad, 0, sizeof(to->pad));
}

/* A SYN or an INIT. */
static __always_inline bool is_opening(const struct packet *packet)
{
	return (packet->phase & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* Both sides have closed, or the server has reset it: what the client alone says may be anybody's. */
static __always_inline bool conntrack_is_over(const struct conntrack_entry *entry, const struct packet *packet)
{
	struct conntrack_entry *reply;
	struct tuple key;

	conntrack_other_key(&key, &packet->tuple, entry);
	reply = bpf_map_lookup_elem(&conntrack, &key);
	if (!reply)
		return true;
	return (reply->seen & SEEN_RST) || (entry->seen & reply->seen & SEEN_FIN);
}

/*
 * Whether a client's packet may go where its entry says. A new connection on an old tuple is judged anew, and
 * a datagram whose backend no longer serves moves on at once; a TCP or SCTP connection stays with its backend.
 */
static __always_inline bool conntrack_usable(const struct conntrack_entry *entry, const struct packet *packet)
{
	if (entry->flags & CONNTRACK_REPLY)
		return true;
	if (packet->tuple.proto != IPPROTO_UDP) {
		if (!is_opening(packet))
			return true;
		if (conntrack_is_over(entry, packet))
			return false;
	}
	return backend_still(entry->backend_id, entry->backend_generation) != NULL;
}

/* Removes both directions. */
static __always_inline void conntrack_forget(struct work *work, const struct conntrack_entry *entry)
{
	conntrack_other_key(&work->reply, &work->packet.tuple, entry);
	bpf_map_delete_elem(&conntrack, &work->reply);
	bpf_map_delete_elem(&conntrack, &work->packet.tuple);
}
