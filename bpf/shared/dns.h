/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What user space tells the DNS program: names of the cluster zone, and what stands behind them. */
#pragma once
#include "shared/addr.h"

/* Two tiers of keys: nearly all names are short. Both as on the wire, in lower case, the rest zero. */
#define DNS_SHORT_NAME 64
#define DNS_LONG_NAME 256

struct dns_short_name {
	__u8 wire[DNS_SHORT_NAME];
};

struct dns_long_name {
	__u8 wire[DNS_LONG_NAME];
};

enum dns_name_flags {
	/* The name is for user space alone: an alias, or more addresses than a set holds. */
	DNS_USER_SPACE = 1 << 0,
	DNS_HAS_V4 = 1 << 1,
	DNS_HAS_V6 = 1 << 2,
	/* The addresses are those of the set `set`; else v4 and v6, where there is one of the family. */
	DNS_IS_SET = 1 << 3,
};

/* A name that exists; without any flag it has no addresses, and questions for some get an empty answer. */
struct dns_name {
	__u32 flags;
	__u32 set;
	__u8 v4[4];
	__u8 v6[16];
	__u8 reserved[4];
};

#define DNS_SET_V4 32
#define DNS_SET_V6 16

/* Addresses of a name that has several. */
struct dns_set {
	__u16 v4_count;
	__u16 v6_count;
	/* 4 and 16 bytes each. */
	__u8 v4[DNS_SET_V4 * 4];
	__u8 v6[DNS_SET_V6 * 16];
};

/* An address that a DNS server of the cluster answers under: the Service's, or a server's own. */
struct dns_server_key {
	struct address addr;
	__be16 port;
	__u8 pad[6];
};

struct dns_config {
	/* 0: every question goes to user space, because not all names are in the maps, or its answer may be another. */
	__u32 enabled;
	/* Seconds. */
	__u32 ttl;
	/* Of the zone's SOA record. */
	__u32 serial;
	/* The largest answer over UDP. */
	__u16 udp_bytes;
	/* Replies say that names of the whole world are answered (RA). */
	__u8 recursive;
	/* Labels of the zone, and its length on the wire with the root's byte. */
	__u8 zone_labels;
	__u16 zone_bytes;
	__u8 reserved[2];
	/* One of so many answers, by chance, is told to user space; 0: none. */
	__u32 sample_every;
	/* CLOCK_MONOTONIC, ns: from then on every question goes to user space, for nobody has kept the maps for long. */
	__u64 until;
	/* In lower case, the rest zero. */
	__u8 zone[DNS_SHORT_NAME];
};

enum dns_outcome {
	DNS_PASS = 0,
	DNS_HIT,
	DNS_EMPTY,
	DNS_NAME_ERROR,
};

/* An answer, as it is told. */
struct dns_sample {
	/* CLOCK_MONOTONIC, ns. */
	__u64 time;
	/* Where the question came from, and by which veth. */
	struct address asker;
	__u32 ifindex;
	__u16 type;
	/* dns_outcome */
	__u8 outcome;
	__u8 name_bytes;
	/* On the wire, in the asker's letters. */
	__u8 name[DNS_LONG_NAME];
};

/* Per processor. */
struct dns_counters {
	__u64 hits;
	/* Names that exist without an address of the family. */
	__u64 empty;
	__u64 name_errors;
	/* Questions to a server of the cluster that user space answers. */
	__u64 passed;
};
