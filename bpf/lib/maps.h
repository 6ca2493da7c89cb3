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
#include "shared/service.h"

#define PINNED_HASH(NAME, KEY, VALUE, ENTRIES)                                                                \
	struct {                                                                                               \
		__uint(type, BPF_MAP_TYPE_HASH);                                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                          \
		__uint(max_entries, ENTRIES);                                                                  \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                           \
		__type(key, KEY);                                                                              \
		__type(value, VALUE);                                                                          \
	} NAME SEC(".maps")

PINNED_HASH(frontends, struct frontend_key, struct frontend, 262144);
PINNED_HASH(slots, struct slot_key, struct slot, 524288);
PINNED_HASH(backends, __u32, struct backend, 262144);
PINNED_HASH(conntrack, struct tuple, struct conntrack_entry, 262144);
/* Few Services have any; a node that runs out of room serves those frontends to nobody. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct source_range_key);
	__type(value, struct source_range);
} source_ranges SEC(".maps");

PINNED_HASH(endpoints, __u32, struct endpoint, 4096);

/*
 * Its room is the version of all layouts here: pinned maps of another version are given up at load. To be raised by
 * a change of a key or value that keeps its size, which nothing else would notice; not by a field that was reserved,
 * where zero means what entries without it meant.
 */
#define LAYOUT_VERSION 1

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAYOUT_VERSION);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} layout SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct node_config);
} node_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct activity);
} activity SEC(".maps");

/* Raised by each process that reads the maps: the generation of the backends that it will number. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} epoch SEC(".maps");

/* Of TCP sockets. A lost entry costs an application the name that getpeername() gives, no more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct peer_key);
	__type(value, struct peer);
} peers SEC(".maps");

/*
 * Of UDP sockets: where their datagrams to a frontend go, and under which name the answers come. A lost entry
 * costs a flow its backend, and answers under way their name; so TCP's many connects have a map of their own.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct peer_key);
	__type(value, struct peer);
} flows SEC(".maps");

/* A lost entry costs a client its backend: the oldest go first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
} affinities SEC(".maps");

/* A lost entry leaves the rest of a fragmented datagram untranslated. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_REASONS);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct drop_counter);
} drop_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} drop_events SEC(".maps");
