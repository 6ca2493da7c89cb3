/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Direct server return. The node that a client comes to writes only the destination and names in the packets that
 * begin a connection what the client came to: an IPv4 option, or a destination option of IPv6, of the type that RFC 4727
 * leaves for experiments and whoever does not know it skips. The backend's node takes it off, and from then on gives
 * the replies that name; they go to the client without this node (docs/adr/0009-direct-return.md).
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/conntrack.h"
#include "lib/fib.h"
#include "lib/node.h"

/* Not copied into later fragments, class control, number 30; in IPv6: skip if unknown, does not change on its way. */
#define DSR_OPTION 0x1e
#define IPV6_PADN 1

struct dsr_option_v4 {
	__u8 type;
	__u8 length;
	__be16 port;
	__be32 addr;
};

/* All of a destination options header. */
struct dsr_header_v6 {
	__u8 next;
	/* In 8 bytes, the first 8 left out. */
	__u8 length;
	__u8 padding;
	__u8 padding_length;
	__u8 type;
	__u8 option_length;
	__be16 port;
	struct address addr;
};

/* What lies between the length of an IPv6 header's payload and its hop limit. */
struct ipv6_middle {
	__be16 payload_length;
	__u8 next;
};

/* What the client came to. */
struct dsr_name {
	struct address addr;
	__be16 port;
	__u8 pad[2];
};

static __always_inline __u32 dsr_size(const struct packet *packet)
{
	return packet->is_v6 ? sizeof(struct dsr_header_v6) : sizeof(struct dsr_option_v4);
}

static __always_inline __u32 ip_header_size(const struct packet *packet)
{
	return packet->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/* Whether the packet can carry the name as far as the backend: where not, the flow is translated as others are. */
VERIFIED_ONCE int dsr_fits(struct __sk_buff *skb, struct packet *packet, const struct address *backend)
{
	struct bpf_fib_lookup query = {};
	int result;

	if (!packet || !backend)
		return 0;
	if (packet->fragment != FRAGMENT_NONE || packet->ttl <= 1 || skb->gso_size ||
	    packet->l4 != packet->l3 + ip_header_size(packet))
		return 0;
	fib_query(&query, skb, packet);
	query.tot_len += dsr_size(packet);
	if (packet->is_v6)
		__builtin_memcpy(query.ipv6_dst, backend, 16);
	else
		query.ipv4_dst = backend->words[3];
	result = bpf_fib_lookup(skb, &query, sizeof(query), 0);
	return result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH;
}

/* A node that is the client may run the backend too, and take its own address from the wire for a martian. */
static __always_inline bool dsr_possible(struct __sk_buff *skb, struct work *work, const struct frontend *frontend,
					 const struct backend *backend)
{
	if (!(frontend->flags & FRONTEND_DSR) || (backend->flags & BACKEND_LOCAL) ||
	    !(backend->flags & BACKEND_ON_NODE) || is_cluster_node(&work->packet.tuple.src))
		return false;
	/* The backend's node knows NodePorts by the addresses that Node objects name. */
	if (frontend->kind == FRONTEND_NODE_PORT && !is_cluster_node(&work->packet.tuple.dst))
		return false;
	return dsr_fits(skb, &work->packet, &backend->addr);
}

/* The only entry of a connection here: its replies take another way. 0, or the reason to drop it. */
static __always_inline int dsr_insert(struct work *work)
{
	work->entry.flags |= CONNTRACK_DSR | CONNTRACK_REDIRECT;
	return bpf_map_update_elem(&conntrack, &work->forward, &work->entry, BPF_ANY) ? DROP_CONNTRACK_FULL : 0;
}

/* Header checksums follow by difference: a wrong one stays wrong. With the option the header still sums up to zero. */
static __always_inline int dsr_tell_v4(struct __sk_buff *skb, struct packet *packet, const struct tuple *original)
{
	struct {
		struct iphdr_start {
			__u8 version_length;
			__u8 tos;
			__be16 total;
		} ip;
		struct dsr_option_v4 option;
	} after;
	struct iphdr_start before;
	__u64 difference;

	if (bpf_skb_load_bytes(skb, packet->l3, &before, sizeof(before)) < 0)
		return -1;
	after.ip = before;
	after.ip.version_length += sizeof(after.option) / 4;
	after.ip.total = bpf_htons(packet->length + sizeof(after.option));
	after.option.type = DSR_OPTION;
	after.option.length = sizeof(after.option);
	after.option.port = original->dport;
	after.option.addr = original->dst.words[3];
	difference = bpf_csum_diff((__be32 *)&before, sizeof(before), (__be32 *)&after, sizeof(after), 0);
	if (bpf_skb_adjust_room(skb, sizeof(after.option), BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_NO_CSUM_RESET) < 0 ||
	    bpf_skb_store_bytes(skb, packet->l3, &after.ip, sizeof(after.ip), 0) < 0 ||
	    bpf_skb_store_bytes(skb, packet->l3 + sizeof(struct iphdr), &after.option, sizeof(after.option), 0) < 0)
		return -1;
	return bpf_l3_csum_replace(skb, packet->l3 + offsetof(struct iphdr, check), 0, difference, 0);
}

static __always_inline int dsr_tell_v6(struct __sk_buff *skb, struct packet *packet, const struct tuple *original)
{
	const __u32 middle = packet->l3 + offsetof(struct ipv6hdr, payload_len);
	struct ipv6_middle ip = { .next = IPPROTO_DSTOPTS };
	struct dsr_header_v6 header = {
		.next = packet->tuple.proto,
		.length = sizeof(header) / 8 - 1,
		.padding = IPV6_PADN,
		.type = DSR_OPTION,
		.option_length = sizeof(header.port) + sizeof(header.addr),
		.port = original->dport,
		.addr = original->dst,
	};

	ip.payload_length = bpf_htons(packet->length - sizeof(struct ipv6hdr) + sizeof(header));
	if (bpf_skb_adjust_room(skb, sizeof(header), BPF_ADJ_ROOM_NET, BPF_F_ADJ_ROOM_NO_CSUM_RESET) < 0 ||
	    bpf_skb_store_bytes(skb, middle, &ip, 3, BPF_F_RECOMPUTE_CSUM) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l3 + sizeof(struct ipv6hdr), &header, sizeof(header),
				   BPF_F_RECOMPUTE_CSUM);
}

/* Names in the packet what it came to. */
VERIFIED_ONCE int dsr_tell(struct __sk_buff *skb, struct packet *packet, const struct tuple *original)
{
	int failed;

	if (!packet || !original)
		return -1;
	failed = packet->is_v6 ? dsr_tell_v6(skb, packet, original) : dsr_tell_v4(skb, packet, original);
	packet->l4 += dsr_size(packet);
	packet->length += dsr_size(packet);
	return failed;
}

/* A datagram's receiver may have forgotten the flow; what has no room goes without, as later segments do. */
static __always_inline int dsr_continue(struct __sk_buff *skb, struct work *work)
{
	if (work->packet.tuple.proto != IPPROTO_UDP && !is_opening(&work->packet))
		return 0;
	if (!dsr_fits(skb, &work->packet, &work->packet.tuple.dst))
		return 0;
	return dsr_tell(skb, &work->packet, &work->original);
}

static __always_inline bool dsr_read_v4(struct __sk_buff *skb, const struct packet *packet, struct dsr_name *name)
{
	struct dsr_option_v4 option;

	if (header_load(skb, packet->l3 + sizeof(struct iphdr), &option, sizeof(option)) < 0 ||
	    option.type != DSR_OPTION || option.length != sizeof(option))
		return false;
	address_from_v4(&name->addr, option.addr);
	name->port = option.port;
	return true;
}

static __always_inline bool dsr_read_v6(struct __sk_buff *skb, const struct packet *packet, struct dsr_name *name)
{
	struct dsr_header_v6 header;
	struct ipv6hdr ip;

	if (header_load(skb, packet->l3, &ip, sizeof(ip)) < 0 || ip.nexthdr != IPPROTO_DSTOPTS ||
	    header_load(skb, packet->l3 + sizeof(ip), &header, sizeof(header)) < 0)
		return false;
	if (header.padding != IPV6_PADN || header.padding_length != 0 || header.type != DSR_OPTION ||
	    header.option_length != sizeof(header.port) + sizeof(header.addr))
		return false;
	name->addr = header.addr;
	name->port = header.port;
	return true;
}

/* The name that the packet bears, in the form that dsr_tell() gives it and no other; 0 where there is none. */
VERIFIED_ONCE int dsr_read(struct __sk_buff *skb, struct packet *packet, struct dsr_name *name)
{
	if (!packet || !name)
		return 0;
	return packet->is_v6 ? dsr_read_v6(skb, packet, name) : dsr_read_v4(skb, packet, name);
}

/* Whether it is worth to look: nearly no packet has options or extension headers. */
static __always_inline bool dsr_may_be_told(const struct packet *packet)
{
	return packet->l4 == packet->l3 + ip_header_size(packet) + dsr_size(packet) &&
	       packet->fragment == FRAGMENT_NONE;
}

static __always_inline int dsr_strip_v4(struct __sk_buff *skb, struct packet *packet)
{
	__be32 before[3], after;
	__u64 difference;
	__u8 *start = (__u8 *)&after;
	__u16 total = bpf_htons(packet->length - sizeof(struct dsr_option_v4));

	if (bpf_skb_load_bytes(skb, packet->l3, &before[0], 4) < 0 ||
	    bpf_skb_load_bytes(skb, packet->l3 + sizeof(struct iphdr), &before[1], 8) < 0)
		return -1;
	after = before[0];
	start[0] -= sizeof(struct dsr_option_v4) / 4;
	__builtin_memcpy(start + 2, &total, 2);
	difference = bpf_csum_diff(before, sizeof(before), &after, sizeof(after), 0);
	if (bpf_skb_adjust_room(skb, -(int)sizeof(struct dsr_option_v4), BPF_ADJ_ROOM_NET,
				BPF_F_ADJ_ROOM_NO_CSUM_RESET) < 0 ||
	    bpf_skb_store_bytes(skb, packet->l3, &after, sizeof(after), 0) < 0)
		return -1;
	return bpf_l3_csum_replace(skb, packet->l3 + offsetof(struct iphdr, check), 0, difference, 0);
}

static __always_inline int dsr_strip_v6(struct __sk_buff *skb, struct packet *packet)
{
	const __u32 middle = packet->l3 + offsetof(struct ipv6hdr, payload_len);
	struct ipv6_middle ip = { .next = packet->tuple.proto };

	ip.payload_length = bpf_htons(packet->length - sizeof(struct ipv6hdr) - sizeof(struct dsr_header_v6));
	if (bpf_skb_adjust_room(skb, -(int)sizeof(struct dsr_header_v6), BPF_ADJ_ROOM_NET,
				BPF_F_ADJ_ROOM_NO_CSUM_RESET) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, middle, &ip, 3, BPF_F_RECOMPUTE_CSUM);
}

VERIFIED_ONCE int dsr_strip(struct __sk_buff *skb, struct packet *packet)
{
	int failed;

	if (!packet)
		return -1;
	failed = packet->is_v6 ? dsr_strip_v6(skb, packet) : dsr_strip_v4(skb, packet);
	packet->l4 -= dsr_size(packet);
	packet->length -= dsr_size(packet);
	return failed;
}

/* Whether the packet's destination serves the frontend that it names, and its source may come to that. */
static __always_inline struct direct *direct_lookup(const struct packet *packet, const struct dsr_name *name)
{
	struct direct_key key = {
		.frontend = name->addr,
		.backend = packet->tuple.dst,
		.frontend_port = name->port,
		.backend_port = packet->tuple.dport,
		.proto = packet->tuple.proto,
	};
	struct direct *direct = bpf_map_lookup_elem(&direct_returns, &key);

	if (direct || address_is_v4(&name->addr) == packet->is_v6 || !is_cluster_node(&name->addr))
		return direct;
	__builtin_memset(&key.frontend, 0, sizeof(key.frontend));
	if (!packet->is_v6)
		address_from_v4(&key.frontend, 0);
	return bpf_map_lookup_elem(&direct_returns, &key);
}

/* Whether the client's port may be given to the connection that the packet begins. */
static __always_inline bool dsr_replaces(const struct conntrack_entry *reply, const struct conntrack_entry *forward,
					 const struct packet *packet)
{
	if (!(reply->flags & CONNTRACK_DIRECT))
		return false;
	/* The last name that a client's socket used is what its datagrams are answered under. */
	if (packet->tuple.proto == IPPROTO_UDP || !forward)
		return true;
	return !(forward->seen & SEEN_ACK) || connection_is_over(forward, reply, packet->tuple.proto);
}

static __always_inline int dsr_write(struct work *work, const struct dsr_name *name, const struct direct *direct)
{
	struct conntrack_entry *entry = &work->entry, *reply = &work->reply_entry;

	__builtin_memset(entry, 0, sizeof(*entry));
	entry->version = CONNTRACK_VERSION;
	entry->flags = CONNTRACK_DIRECT;
	entry->backend_id = direct->backend_id;
	entry->backend_generation = direct->generation;
	entry->last_seen = bpf_ktime_get_ns();
	*reply = *entry;
	entry->new_src = work->forward.src;
	entry->new_sport = work->forward.sport;
	entry->new_dst = work->forward.dst;
	entry->new_dport = work->forward.dport;
	reply->flags |= CONNTRACK_REPLY | CONNTRACK_REDIRECT;
	reply->new_src = name->addr;
	reply->new_sport = name->port;
	reply->new_dst = work->forward.src;
	reply->new_dport = work->forward.sport;
	if (bpf_map_update_elem(&conntrack, &work->reply, reply, BPF_ANY))
		return DROP_CONNTRACK_FULL;
	if (bpf_map_update_elem(&conntrack, &work->forward, entry, BPF_ANY)) {
		bpf_map_delete_elem(&conntrack, &work->reply);
		return DROP_CONNTRACK_FULL;
	}
	return DROP_NONE;
}

/* Both entries of a connection that another node began; DROP_NONE, or the reason to drop the packet. */
static __noinline int dsr_remember(struct work *work, const struct dsr_name *name)
{
	struct conntrack_entry *reply, *forward;
	struct direct *direct;
	bool same, over;

	if (!work || !name)
		return DROP_DIRECT_RETURN;
	work->forward = work->packet.tuple;
	tuple_reverse(&work->reply, &work->forward);
	will_translate();
	reply = bpf_map_lookup_elem(&conntrack, &work->reply);
	if (reply) {
		forward = bpf_map_lookup_elem(&conntrack, &work->forward);
		same = (reply->flags & CONNTRACK_DIRECT) && reply->new_sport == name->port &&
		       address_equal(&reply->new_src, &name->addr);
		over = is_opening(&work->packet) && dsr_replaces(reply, forward, &work->packet);
		if (same && forward && !over)
			return DROP_NONE;
		if (!same && !dsr_replaces(reply, forward, &work->packet))
			return DROP_DIRECT_RETURN;
	}
	direct = direct_lookup(&work->packet, name);
	return direct ? dsr_write(work, name, direct) : DROP_DIRECT_RETURN;
}

/* At the uplink: takes off the name that another node gave a client's packet and remembers it; DROP_NONE, or why not. */
static __always_inline int dsr_accept(struct __sk_buff *skb, struct work *work)
{
	struct dsr_name name = {};
	struct frontend *frontend;
	int reason;

	if (!dsr_may_be_told(&work->packet) || !dsr_read(skb, &work->packet, &name))
		return DROP_NONE;
	frontend = frontend_lookup(&name.addr, name.port, work->packet.tuple.proto);
	if (frontend && !source_allowed(frontend, &work->packet.tuple.src))
		return DROP_SOURCE_RANGES;
	reason = dsr_remember(work, &name);
	if (reason)
		return reason;
	return dsr_strip(skb, &work->packet) < 0 ? DROP_REWRITE : DROP_NONE;
}

/* Only nodes name frontends. */
static __always_inline bool dsr_is_forged(struct __sk_buff *skb, struct packet *packet)
{
	struct dsr_name name = {};

	return dsr_may_be_told(packet) && dsr_read(skb, packet, &name);
}
