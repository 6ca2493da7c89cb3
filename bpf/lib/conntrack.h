/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Own connection tracking, for translated connections only; see shared/conntrack.h for the two entries. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
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

/* What the other direction's packets are before translation: its key, unless the connection is DIRECT. */
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

/* The key of the other direction. */
static __always_inline void conntrack_partner_key(struct tuple *to, const struct tuple *key,
						  const struct conntrack_entry *entry)
{
	if (entry->flags & CONNTRACK_DIRECT)
		tuple_reverse(to, key);
	else
		conntrack_other_key(to, key, entry);
}

/* Windows are scaled by what the handshake agreed on, which is not kept: the most that most receivers offer. */
#define WINDOW_REACH (1u << 20)

/*
 * What a reset tells of its connection. It ends where the other side stands (RFC 5961, section 3.2), which nobody knows
 * who does not see its packets. One that says by its acknowledgement where both sides are may be ahead of data that is
 * still under way. Any other inside the window ends it for receivers older than that RFC: the connection counts as half
 * closed. One outside is nobody's. As nf_conntrack, but for the acknowledgement, which that does not ask for.
 */
VERIFIED_ONCE int reset_seen(const struct conntrack_entry *entry, const struct packet *packet)
{
	struct conntrack_entry *other;
	struct tuple key;
	__u32 ahead;

	if (!entry || !packet)
		return 0;
	/* Only the client is seen: it resets its connection where it stands itself. */
	if (entry->flags & CONNTRACK_DSR)
		return entry->sent == 0 || packet->seq == entry->sent ? SEEN_RST : 0;
	conntrack_partner_key(&key, &packet->tuple, entry);
	other = bpf_map_lookup_elem(&conntrack, &key);
	/* Before its first acknowledgement, and in SCTP, which has a verification tag instead. */
	if (!other || other->acked == 0)
		return SEEN_RST;
	ahead = packet->seq - other->acked;
	if (ahead == 0)
		return SEEN_RST;
	if (ahead >= WINDOW_REACH)
		return 0;
	return packet->phase & TCP_ACK && other->sent - packet->ack < WINDOW_REACH ? SEEN_RST : SEEN_RST_NEAR;
}

/* Sequence numbers wrap around: the later one is less than half of them ahead. */
static __always_inline __u32 later_sequence(__u32 known, __u32 now)
{
	return known == 0 || (__s32)(now - known) > 0 ? now : known;
}

/* Keeps where this direction stands. A SYN begins anew, whether or not its receiver agrees. */
static __always_inline void conntrack_follow(struct conntrack_entry *entry, const struct packet *packet)
{
	__u8 flags = packet->phase;
	__u32 header = (__u32)packet->l4 - packet->l3 + packet->l4_header;
	__u32 sent = packet->seq + packet->length - header + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
	__u32 acked = flags & TCP_ACK ? packet->ack : 0;

	if (!(flags & TCP_SYN)) {
		sent = later_sequence(entry->sent, sent);
		acked = flags & TCP_ACK ? later_sequence(entry->acked, acked) : entry->acked;
	}
	if (sent != entry->sent)
		entry->sent = sent;
	if (acked != entry->acked)
		entry->acked = acked;
	if (packet->stamp)
		entry->stamp = packet->stamp;
}

static __always_inline void conntrack_touch(struct conntrack_entry *entry, const struct packet *packet)
{
	__u8 seen = conntrack_seen(packet);

	if (seen & SEEN_RST)
		seen = entry->seen | reset_seen(entry, packet);
	else
		/* A connection that goes on was not reset, whoever said so. */
		seen |= entry->seen & ~(SEEN_RST | SEEN_RST_NEAR);
	entry->last_seen = bpf_ktime_get_ns();
	if (seen != entry->seen)
		entry->seen = seen;
	/* Only TCP's header has a length, and not in later fragments. */
	if (packet->l4_header && !(packet->phase & TCP_RST))
		conntrack_follow(entry, packet);
	__sync_fetch_and_add(&entry->packets, 1);
	__sync_fetch_and_add(&entry->bytes, packet->length);
}

/* A SYN or an INIT. */
static __always_inline bool is_opening(const struct packet *packet)
{
	return (packet->phase & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* What answers it, where that is taken. */
static __always_inline bool is_accepting(const struct packet *packet)
{
	return (packet->phase & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* Both sides have closed it, or one has reset it: of SCTP's clients, whose word is not tested, that may be anybody. */
static __always_inline bool connection_is_over(const struct conntrack_entry *forward,
					       const struct conntrack_entry *reply, __u8 proto)
{
	__u8 reset = reply->seen | (proto == IPPROTO_TCP ? forward->seen : 0);

	return (reset & SEEN_RST) || (forward->seen & reply->seen & SEEN_FIN);
}

/*
 * Whether a SYN or an INIT begins a new connection on an old one's tuple: that is over, or was never answered and its
 * backend no longer serves. Anything else is for the backend to judge: anybody can send one.
 */
static __always_inline bool conntrack_reopens(const struct conntrack_entry *entry, const struct packet *packet)
{
	struct conntrack_entry *reply;
	struct tuple key;

	conntrack_partner_key(&key, &packet->tuple, entry);
	reply = bpf_map_lookup_elem(&conntrack, &key);
	if (!reply || connection_is_over(entry, reply, packet->tuple.proto))
		return true;
	return reply->packets == 0 && !backend_still(entry->backend_id, entry->backend_generation);
}

/* Of a connection that another node sent here, which has judged whether its backend serves. */
static __always_inline bool direct_is_over(const struct conntrack_entry *entry, const struct packet *packet)
{
	struct conntrack_entry *reply;
	struct tuple key;

	conntrack_partner_key(&key, &packet->tuple, entry);
	reply = bpf_map_lookup_elem(&conntrack, &key);
	return !reply || connection_is_over(entry, reply, packet->tuple.proto);
}

/* Whether the frontend still has its backends answer clients themselves; a new connection is judged by its ranges anew. */
static __always_inline bool dsr_goes_on(const struct packet *packet)
{
	struct frontend *frontend = frontend_lookup(&packet->tuple.dst, packet->tuple.dport, packet->tuple.proto);

	return frontend && (frontend->flags & FRONTEND_DSR) &&
	       (!is_opening(packet) || source_allowed(frontend, &packet->tuple.src));
}

/*
 * Whether another node's name for the connection is somebody else's: a backend answers what begins one by a SYN of its
 * own or a reset. Whatever else it sends first is of a connection that it has with the client directly, and the name came
 * with a packet that was forged.
 */
static __always_inline bool is_misnamed(const struct conntrack_entry *reply, const struct packet *packet)
{
	return (reply->flags & CONNTRACK_DIRECT) && reply->packets == 0 && packet->tuple.proto == IPPROTO_TCP &&
	       !(packet->phase & (TCP_SYN | TCP_RST));
}

/*
 * Whether a backend accepts a connection that is none of ours: one that its client began with the backend itself, by the
 * port of one that is over. What begins by the Service makes the entries anew before it is answered.
 */
static __always_inline bool accepts_another(const struct conntrack_entry *reply, const struct packet *packet)
{
	struct conntrack_entry *forward;
	struct tuple key;

	if (!is_accepting(packet))
		return false;
	conntrack_partner_key(&key, &packet->tuple, reply);
	forward = bpf_map_lookup_elem(&conntrack, &key);
	return forward && connection_is_over(forward, reply, packet->tuple.proto);
}

/*
 * Whether a client's packet may go where its entry says. A new connection on an old tuple is judged anew, and
 * a datagram whose backend no longer serves moves on at once; a TCP or SCTP connection stays with its backend.
 *
 * Where replies take another way nothing but the client tells that a connection is over: a SYN goes to the backend that
 * its tuple had while that serves, be it a new connection or sent again. Where another node sent the client here it has
 * judged.
 */
static __always_inline bool conntrack_usable(const struct conntrack_entry *entry, const struct packet *packet)
{
	if (entry->flags & CONNTRACK_REPLY)
		return !is_misnamed(entry, packet) && !accepts_another(entry, packet);
	if (packet->tuple.proto != IPPROTO_UDP && !is_opening(packet))
		return true;
	if (entry->flags & CONNTRACK_DIRECT)
		return packet->tuple.proto == IPPROTO_UDP || !direct_is_over(entry, packet);
	if (entry->flags & CONNTRACK_DSR) {
		if (!dsr_goes_on(packet))
			return false;
	} else if (packet->tuple.proto != IPPROTO_UDP) {
		return !conntrack_reopens(entry, packet);
	}
	return backend_still(entry->backend_id, entry->backend_generation) != NULL;
}

/*
 * Whether a backend that has the old connection in TIME_WAIT takes the new one's SYN at once (RFC 6191): by its
 * timestamp where both have one, else by its number. If not it asks back, the client resets that, and comes again in a
 * second.
 */
static __always_inline bool is_welcome(const struct packet *syn, const struct conntrack_entry *forward,
				       const struct conntrack_entry *reply)
{
	if (syn->tuple.proto != IPPROTO_TCP || ((forward->seen | reply->seen) & SEEN_RST))
		return true;
	if (syn->stamp && forward->stamp)
		return (__s32)(syn->stamp - forward->stamp) > 0;
	return (__s32)(syn->seq - forward->sent) > 0;
}

/*
 * Removes both directions. Where the packet begins a new connection its backend may take that under the old one's tuple:
 * surely so after a reset, while under another one it may still have a third.
 */
static __always_inline void conntrack_forget(struct work *work, const struct conntrack_entry *entry)
{
	struct conntrack_entry *reply;

	conntrack_partner_key(&work->reply, &work->packet.tuple, entry);
	if (!(entry->flags & CONNTRACK_DSR)) {
		reply = bpf_map_lookup_elem(&conntrack, &work->reply);
		if (reply && is_welcome(&work->packet, entry, reply))
			work->before = work->reply;
		bpf_map_delete_elem(&conntrack, &work->reply);
	}
	bpf_map_delete_elem(&conntrack, &work->packet.tuple);
}
