/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet was dropped: a counter for each reason, and an event with what is needed to explain it. */
#pragma once
#include "shared/addr.h"

/* The comment on each is its meaning in docs/reference/drop-reasons.md (scripts/drop-reasons.ts). */
enum drop_reason {
	DROP_NONE = 0,
	/* A header is cut short or contradicts itself: a length below the header's own, a wrong IP version. */
	DROP_MALFORMED = 1,
	/* A pod sent from an address that is not its own, in IP or ARP. */
	DROP_SOURCE_ADDRESS = 2,
	/* A pod sent from an Ethernet address that is not its own. */
	DROP_SOURCE_MAC = 3,
	/* A packet came from an interface that belongs to no pod; it is probably being removed. */
	DROP_UNKNOWN_ENDPOINT = 4,
	/* The Service's traffic policy is Local and none of its endpoints runs on this node. */
	DROP_NO_ENDPOINTS_IN_SCOPE = 5,
	/* There was no room for a new translated connection; established ones go on. */
	DROP_CONNTRACK_FULL = 6,
	/* No source port was free on the node's address for a connection to that backend. */
	DROP_SNAT_EXHAUSTED = 7,
	/* The node has no route to the backend or the client. */
	DROP_NO_ROUTE = 8,
	/* The packet exceeds the MTU of its route; its sender was told by ICMP. */
	DROP_TOO_BIG = 9,
	/* The hop limit ended here; the sender was told by ICMP. */
	DROP_TTL = 10,
	/* The kernel refused to change the packet. */
	DROP_REWRITE = 11,
	/* The Service has no endpoint; the sender was refused by RST or ICMP, as by kube-proxy's REJECT. */
	DROP_NO_ENDPOINTS = 12,
	/* A pod sent a VLAN-tagged packet: pods have no VLANs, and a tag would hide the source from the check. */
	DROP_VLAN = 13,
	/* The client's address is in none of the Service's loadBalancerSourceRanges. */
	DROP_SOURCE_RANGES = 14,
	/* No Service has this address of the Service CIDRs; dropped in silence, as by kube-proxy. */
	DROP_NO_SERVICE = 15,
	/* The ClusterIP serves other ports or protocols than this; the sender was refused, as by kube-proxy's REJECT. */
	DROP_NO_SERVICE_PORT = 16,
	/* A later fragment to a ClusterIP came before its first one, which alone tells the port; the sender comes again. */
	DROP_FRAGMENT_ORDER = 17,
	/* A pod's IPv6 packet has more extension headers than RFC 8200 has places for: what it is cannot be told. */
	DROP_EXTENSIONS = 18,
	/*
	 * A packet named a frontend to answer under (direct return) that its destination does not serve, came from a pod,
	 * or the client's port has a connection to the backend by another frontend.
	 */
	DROP_DIRECT_RETURN = 19,
	/* NetworkPolicies isolate the pod for what it sends, and no rule of theirs allows this. */
	DROP_POLICY_EGRESS = 20,
	/* NetworkPolicies isolate the pod for what it receives, and no rule of theirs allows this. */
	DROP_POLICY_INGRESS = 21,
	/* There was no room for a new connection of a pod that NetworkPolicies isolate; established ones go on. */
	DROP_POLICY_FLOWS_FULL = 22,
	DROP_REASONS = 32,
};

enum drop_hook {
	HOOK_POD_INGRESS = 1,
	HOOK_POD_EGRESS = 2,
	HOOK_UPLINK_INGRESS = 3,
	HOOK_UPLINK_EGRESS = 4,
};

struct drop_event {
	__u64 time;
	struct tuple tuple;
	__u32 reason;
	__u32 ifindex;
	__u32 rule_id;
	__u32 length;
	__u8 hook;
	__u8 pad[7];
};

struct drop_counter {
	__u64 packets;
	__u64 bytes;
};
