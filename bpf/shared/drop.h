/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet was dropped: a counter for each reason, and an event with what is needed to explain it. */
#pragma once
#include "shared/addr.h"

enum drop_reason {
	DROP_NONE = 0,
	DROP_MALFORMED = 1,
	DROP_SOURCE_ADDRESS = 2,
	DROP_SOURCE_MAC = 3,
	DROP_UNKNOWN_ENDPOINT = 4,
	DROP_NO_ENDPOINTS_IN_SCOPE = 5,
	DROP_CONNTRACK_FULL = 6,
	DROP_SNAT_EXHAUSTED = 7,
	DROP_NO_ROUTE = 8,
	DROP_TOO_BIG = 9,
	DROP_TTL = 10,
	DROP_REWRITE = 11,
	/* Refused with RST or ICMP, as kube-proxy's REJECT. */
	DROP_NO_ENDPOINTS = 12,
	/* Pods have no VLANs: a tag would hide the source from the check. */
	DROP_VLAN = 13,
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
