/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space tells the datapath of Services: frontend -> pool of slots -> backend. A frontend names
 * two pools, one for clients inside the cluster and one for those outside, since traffic policies differ.
 * Fields that no program reads yet are zero.
 */
#pragma once
#include "shared/addr.h"

struct frontend_key {
	struct address addr;
	__be16 port;
	__u8 proto;
	/* Every byte of a key counts: none may be left to the compiler's padding. */
	__u8 pad[5];
};

struct pool {
	__u32 id;
	__u32 count;
};

enum frontend_flags {
	/* The address is loopback: only sockets of the node's own namespace mean this frontend. */
	FRONTEND_LOOPBACK = 1 << 0,
	/* No endpoint in scope, but some elsewhere: drop in silence instead of a refusal. */
	FRONTEND_DROP_INTERNAL = 1 << 1,
	FRONTEND_DROP_EXTERNAL = 1 << 2,
	FRONTEND_AFFINITY = 1 << 3,
	FRONTEND_SOURCE_RANGES = 1 << 4,
	FRONTEND_MAGLEV = 1 << 5,
	FRONTEND_DSR = 1 << 6,
	/* Connections to a pod of the same node take the short way. */
	FRONTEND_SHORTCUT = 1 << 8,
};

struct frontend {
	struct pool internal;
	struct pool external;
	__u32 service_id;
	__u16 flags;
	__u16 generation;
	__u32 affinity_seconds;
	__u8 kind;
	__u8 reserved[11];
};

enum frontend_kind {
	FRONTEND_CLUSTER_IP = 1,
	FRONTEND_NODE_PORT = 2,
	FRONTEND_EXTERNAL_IP = 3,
	FRONTEND_LOAD_BALANCER = 4,
	/* Of a key with port and protocol 0: a ClusterIP as such, whose other ports are refused. */
	FRONTEND_CLUSTER_ADDRESS = 5,
	/* The same of a Service that another proxy serves: its packets are let go. */
	FRONTEND_OTHER_PROXY = 6,
	/* A pod's hostPort, on an address of the node: no Service's. */
	FRONTEND_HOST_PORT = 7,
};

#define SERVICE_CIDRS 8

/* A block of addresses: those whose bits under the mask are the block's. */
struct cidr {
	struct address addr;
	struct address mask;
};

/*
 * The cluster's Service CIDRs. None until all Services are in the maps: before that, what has no frontend may yet get
 * one.
 */
struct service_cidrs {
	__u32 count;
	__u32 pad;
	struct cidr cidrs[SERVICE_CIDRS];
};

struct slot_key {
	__u32 pool_id;
	__u32 index;
};

struct slot {
	__u32 backend_id;
};

enum backend_flags {
	/* The endpoint runs on this node: the client's address can be kept. */
	BACKEND_LOCAL = 1 << 0,
	BACKEND_TERMINATING = 1 << 1,
	/* A node of the cluster runs it, and can answer for another. */
	BACKEND_ON_NODE = 1 << 2,
};

/* An endpoint of one Service port: another Service's is another backend, so that a flow of either is its own. */
struct backend {
	struct address addr;
	__be16 port;
	__u8 proto;
	__u8 flags;
	__u32 generation;
	__u32 service_id;
	__u8 reserved[4];
};

/*
 * Direct return: for which frontends the endpoints of this node answer clients that other nodes send. A NodePort's
 * address is the unspecified one of its family, for that of any node.
 */
struct direct_key {
	struct address frontend;
	struct address backend;
	__be16 frontend_port;
	__be16 backend_port;
	__u8 proto;
	__u8 pad[3];
};

struct direct {
	/* Its number in `backends`, or 0 where no pool of this node has it. */
	__u32 backend_id;
	__u32 generation;
};

/*
 * loadBalancerSourceRanges: who may come to a frontend with FRONTEND_SOURCE_RANGES. A longest-prefix match; the
 * number comes first, so that every prefix is one of its Service's.
 */
struct source_range_key {
	/* Bits that count: 32 of the number, then those of the address; IPv4 is v4-mapped, 96 bits more. */
	__u32 prefix;
	__u32 service_id;
	struct address addr;
};

struct source_range {
	__u32 allowed;
};

/* sessionAffinity ClientIP: who came to which port of which Service, for each family. */
struct affinity_key {
	/* Of a socket, which has no address yet, its pod's or its node's; in other namespaces their cookie. */
	struct address client;
	__u32 service_id;
	__u8 is_v6;
	__u8 pad[3];
};

struct affinity {
	__u32 backend_id;
	__u32 generation;
	/* Where the backend was in its pool. */
	__u32 slot;
	__u32 pad;
	/* Of the last connection, CLOCK_MONOTONIC, ns. */
	__u64 last_used;
};

/* One socket's view of one peer: which backend stands behind a frontend, or the other way round. */
struct peer_key {
	__u64 cookie;
	struct address addr;
	__be16 port;
	__u8 proto;
	/* 0: addr is a backend's, the value the frontend. 1: addr is a frontend's, the value the backend. */
	__u8 forward;
	__u8 pad[4];
};

enum peer_flags {
	/* The frontend asked for FRONTEND_SHORTCUT when the socket connected. */
	PEER_SHORTCUT = 1 << 0,
};

struct peer {
	struct address addr;
	__be16 port;
	__u16 flags;
	__u32 backend_id;
	__u32 generation;
	__u8 reserved[4];
};
