/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A pod at the host end of its veth, and what all programs of a node need to know of the node. */
#pragma once
#include "shared/addr.h"

#define ENDPOINT_ADDRESSES 4

struct endpoint {
	struct address addrs[ENDPOINT_ADDRESSES];
	__u8 mac[6];
	__u16 count;
	__u32 flags;
	__u32 pad;
	/* Of the pod's network namespace, its key among pods; 0 where it is not known. */
	__u64 netns_cookie;
	__u8 reserved[8];
};

/* Key of the maps from a pod's address to its namespace's cookie and to its veth. */
struct pod_address {
	struct address addr;
};

/* How a packet gets into a pod. */
struct pod_link {
	/* Of the host end of its veth. */
	__u32 ifindex;
	/* Of its own end, in bytes of an IP packet. */
	__u32 mtu;
	/* As they stand in a frame: the pod's own end, then the host's. */
	__u8 mac[6];
	__u8 host_mac[6];
	__u8 reserved[12];
};

/* A pod as its own sockets know it, by SO_NETNS_COOKIE. An address is zero where the pod lacks the family. */
struct pod {
	struct address v4;
	struct address v6;
	/* Of the host end of its veth: the key of its endpoint. */
	__u32 ifindex;
	__u32 flags;
	__u8 reserved[24];
};

/* An address of a node of the cluster, this one or another. */
struct cluster_node {
	struct address addr;
};

struct node_config {
	/* Source of translated connections, zero where the node lacks the family. */
	struct address snat4;
	struct address snat6;
	/* SO_NETNS_COOKIE of the node's own namespace. */
	__u64 netns_cookie;
	__u16 snat_first;
	__u16 snat_last;
	__u32 uplink_ifindex;
	/*
	 * These programs go: they follow the connections that they know, and leave new ones to the programs behind them,
	 * whose maps are others.
	 */
	__u32 draining;
	/* What goes to a pod of this node is put there at once, past the stack. */
	__u32 past_stack;
	/* The kernel's conntrack still translates connections that another proxy began. */
	__u32 earlier;
	__u8 reserved[20];
};
