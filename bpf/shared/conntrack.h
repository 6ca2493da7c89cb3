/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A translated connection is two entries, one for each direction, keyed by the packet's tuple before
 * translation. The other direction's key is this entry's rewritten tuple with source and destination
 * exchanged, so neither needs a pointer to the other. Entries are written by the datapath and removed by
 * user space: nothing is evicted in silence.
 */
#pragma once
#include "shared/addr.h"

#define CONNTRACK_VERSION 1

enum conntrack_flags {
	CONNTRACK_REPLY = 1 << 0,
	/* After rewriting the source is an address of this node, which the stack does not forward. */
	CONNTRACK_REDIRECT = 1 << 1,
	CONNTRACK_SNAT = 1 << 2,
	/* A remote backend answers the client itself: there is no reply entry here. */
	CONNTRACK_DSR = 1 << 3,
	/*
	 * Another node sent the client here. On its way in nothing is rewritten, so that the other direction's key is
	 * this one's own tuple reversed; the reply gets the name that the client knows.
	 */
	CONNTRACK_DIRECT = 1 << 4,
};

/* What this direction of a TCP connection has sent. */
enum conntrack_seen {
	SEEN_SYN = 1 << 0,
	SEEN_ACK = 1 << 1,
	SEEN_FIN = 1 << 2,
	/* One that its receiver takes for the other side's: see reset_seen. */
	SEEN_RST = 1 << 3,
	/* One that its receiver may take for that. */
	SEEN_RST_NEAR = 1 << 4,
};

struct conntrack_entry {
	__u8 version;
	__u8 flags;
	__u8 seen;
	__u8 pad;
	__u32 rule_id;
	__u32 backend_id;
	__u32 backend_generation;
	/* CLOCK_MONOTONIC, ns. */
	__u64 last_seen;
	__u64 packets;
	__u64 bytes;
	struct address new_src;
	struct address new_dst;
	__be16 new_sport;
	__be16 new_dport;
	__be16 proxy_port;
	__u16 pad2;
	/* Of TCP: up to where this direction has acknowledged the other, and has sent itself; 0 is not known. */
	__u32 acked;
	__u32 sent;
	/* The timestamp of its SYN or FIN. */
	__u32 stamp;
	__u8 reserved[4];
};

/*
 * Most nodes never translate a packet, since sockets were: until one does, no packet looks for a connection.
 * Set before the first entry is written and never taken back.
 */
struct activity {
	__u32 translated;
	/* Whether anything is in stack_flows. */
	__u32 stack_flows;
};

/* Where the ports of a datagram's later fragments are found. */
struct fragment_key {
	struct address src;
	struct address dst;
	__u32 id;
	__u8 proto;
	__u8 pad[3];
};

struct fragment_ports {
	__be16 sport;
	__be16 dport;
};
