/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node's maps, pinned by name in the node's own directory: every program of the node shares them, and
 * they outlive the process that loaded them. Hashes are not preallocated; their sizes are set at load time.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shared/conntrack.h"
#include "shared/drop.h"
#include "shared/endpoint.h"
#include "shared/policy.h"
#include "shared/service.h"

#define PINNED(TYPE, NAME, KEY, VALUE, ENTRIES, FLAGS)                                                        \
	struct {                                                                                               \
		__uint(type, TYPE);                                                                            \
		__uint(map_flags, FLAGS);                                                                      \
		__uint(max_entries, ENTRIES);                                                                  \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                           \
		__type(key, KEY);                                                                              \
		__type(value, VALUE);                                                                          \
	} NAME SEC(".maps")

#define PINNED_HASH(NAME, KEY, VALUE, ENTRIES)                                                                \
	PINNED(BPF_MAP_TYPE_HASH, NAME, KEY, VALUE, ENTRIES, BPF_F_NO_PREALLOC)
#define PINNED_LRU(NAME, KEY, VALUE, ENTRIES) PINNED(BPF_MAP_TYPE_LRU_HASH, NAME, KEY, VALUE, ENTRIES, 0)
#define PINNED_ARRAY(NAME, VALUE, ENTRIES) PINNED(BPF_MAP_TYPE_ARRAY, NAME, __u32, VALUE, ENTRIES, 0)

/* Each ClusterIP takes an entry of its own beside those of its ports. */
PINNED_HASH(frontends, struct frontend_key, struct frontend, 524288);
PINNED_HASH(slots, struct slot_key, struct slot, 524288);
PINNED_HASH(backends, __u32, struct backend, 262144);
PINNED_HASH(conntrack, struct tuple, struct conntrack_entry, 262144);
/* Held while the tuple of a connection that is over is given to a new one: no two take one over at a time. */
PINNED_HASH(takeovers, struct tuple, __u32, 1024);
/* Few Services have any; a node that runs out of room serves those frontends to nobody. */
PINNED(BPF_MAP_TYPE_LPM_TRIE, source_ranges, struct source_range_key, struct source_range, 65536, BPF_F_NO_PREALLOC);

/* Few Services ask for direct return, and only endpoints of the node are here. */
PINNED_HASH(direct_returns, struct direct_key, struct direct, 16384);
/* Addresses of all of the cluster's nodes. */
PINNED_HASH(cluster_nodes, struct cluster_node, __u32, 16384);

PINNED_HASH(endpoints, __u32, struct endpoint, 4096);

/* By the cookie of the pod's network namespace. */
PINNED_HASH(pods, __u64, struct pod, 4096);

/* The pod's namespace's cookie by each of its addresses. */
PINNED_HASH(pod_addresses, struct pod_address, __u64, 8192);

/* Asked for each packet between pods. */
PINNED_HASH(pod_links, struct pod_address, struct pod_link, 8192);

/* What answers a packet that came from one of the node's pods to another by the stack: it goes that way too. */
PINNED_LRU(stack_flows, struct tuple, __u8, 16384);

PINNED_ARRAY(policy_config, struct policy_config, 1);
PINNED_HASH(policy_pods, struct pod_address, struct policy_pod, 8192);
PINNED_HASH(policy_peers, struct pod_address, struct policy_peer, 524288);
PINNED(BPF_MAP_TYPE_LPM_TRIE, policy_blocks, struct policy_block_key, struct policy_block, 65536, BPF_F_NO_PREALLOC);
PINNED(BPF_MAP_TYPE_LPM_TRIE, policy_rules, struct policy_rule_key, struct policy_rule, 1048576, BPF_F_NO_PREALLOC);
/* Nothing is evicted: a node that runs out of room goes on with the connections that it knows. */
PINNED_HASH(policy_flows, struct tuple, struct policy_flow, 262144);

/*
 * Its room is the version of all layouts here: what pinned maps of another version hold is carried over, by the names of
 * fields (src/service/backends/ebpf/handover.ts). To be raised by a change of a key or value that keeps its size, which
 * nothing else would notice; not by a field that was reserved, where zero means what entries without it meant. A map
 * that is new belongs into carried-maps.ts.
 */
#define LAYOUT_VERSION 1

PINNED_ARRAY(layout, __u32, LAYOUT_VERSION);

PINNED_ARRAY(node_config, struct node_config, 1);

PINNED_ARRAY(service_cidrs, struct service_cidrs, 1);

PINNED_ARRAY(activity, struct activity, 1);

/* Raised by each process that reads the maps: the generation of the backends that it will number. */
PINNED_ARRAY(epoch, __u32, 1);

/* Of TCP sockets. A lost entry costs an application the name that getpeername() gives, no more. */
PINNED_LRU(peers, struct peer_key, struct peer, 32768);

/*
 * Of UDP sockets: where their datagrams to a frontend go, and under which name the answers come. A lost entry
 * costs a flow its backend, and answers under way their name; so TCP's many connects have a map of their own.
 */
PINNED_LRU(flows, struct peer_key, struct peer, 32768);

/* A lost entry costs a client its backend: the oldest go first. */
PINNED_LRU(affinities, struct affinity_key, struct affinity, 65536);

/* A lost entry leaves the rest of a fragmented datagram untranslated. */
PINNED_LRU(fragments, struct fragment_key, struct fragment_ports, 8192);

PINNED(BPF_MAP_TYPE_PERCPU_ARRAY, drop_counters, __u32, struct drop_counter, DROP_REASONS, 0);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} drop_events SEC(".maps");
