/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space tells the datapath of NetworkPolicies, in numbers that src/policy/policy-state.ts explains: which pods are
 * judged, who an address is, and what is allowed.
 */
#pragma once
#include "shared/addr.h"

/* Which side of a connection a pod is judged for: what comes to it, or what it begins. Indexes `judged` of a flow too. */
enum policy_direction {
	POLICY_INGRESS = 0,
	POLICY_EGRESS = 1,
};

/* By the pod's address; a pod without an entry is isolated in no direction. */
struct policy_pod {
	__u64 subject;
	/* 1 << policy_direction: only what a rule allows passes. */
	__u32 isolated;
	__u8 reserved[4];
};

/* Who has the address. */
struct policy_peer {
	__u64 number;
};

/* Longest-prefix match: IPv4 is v4-mapped. */
struct policy_block_key {
	/* 32 bits of zero, then those of the address. */
	__u32 prefix;
	__u32 zero;
	struct address addr;
};

struct policy_block {
	__u64 number;
};

/* A rule for every protocol ends behind the peer, one for every port behind the protocol. */
#define POLICY_RULE_PEER_BITS 160
#define POLICY_RULE_PROTO_BITS 176
#define POLICY_RULE_BITS 192

struct policy_rule_key {
	__u32 prefix;
	/* policy_direction */
	__u32 direction;
	__u64 subject;
	/* 0: anybody. */
	__u64 peer;
	__u8 proto;
	__u8 pad;
	__be16 port;
	__u32 pad2;
};

struct policy_rule {
	__u32 allowed;
	__u8 reserved[4];
};

/*
 * A connection of a judged pod, by its tuple as its server sees it: translated on the way there, not yet on the way back.
 * What answers passes because of it.
 */
struct policy_flow {
	/* CLOCK_MONOTONIC, ns, to about a second. */
	__u64 last_seen;
	/* By policy_direction: the revision by which it was last allowed at the pod of that side; 0: it was not. */
	__u32 judged[2];
	/* conntrack_seen, of the side that began it and of the other. */
	__u8 seen[2];
	/* 1: the other side has sent something; 2: and this one went on. */
	__u8 answered;
	/* A socket of the pod's own node began it, which is always allowed. */
	__u8 from_node;
	__u8 reserved[4];
};

enum policy_knowledge {
	/* The maps were never whole. */
	POLICY_UNKNOWN = 0,
	/* When they last were no policy was in the cluster. */
	POLICY_NONE = 1,
	POLICY_SOME = 2,
};

struct policy_config {
	/* Of what the maps say, never 0 where any pod is judged: a connection is judged anew when it has changed. */
	__u32 revision;
	/* Whether any pod is judged. */
	__u32 enabled;
	/* policy_knowledge; for user space, which may have to decide before it can ask. */
	__u32 knowledge;
	__u8 reserved[4];
};
