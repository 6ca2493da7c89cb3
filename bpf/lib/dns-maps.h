/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the DNS program, pinned by name in a directory of their own: what is in them is derived, and made anew where it does not fit. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/dns.h"
#include "shared/dns.h"

#define PINNED_DNS(NAME, KEY, VALUE, ENTRIES)                                                                 \
	struct {                                                                                               \
		__uint(type, BPF_MAP_TYPE_HASH);                                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                          \
		__uint(max_entries, ENTRIES);                                                                  \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                           \
		__type(key, KEY);                                                                              \
		__type(value, VALUE);                                                                          \
	} NAME SEC(".maps")

PINNED_DNS(dns_names, struct dns_short_name, struct dns_name, 524288);
PINNED_DNS(dns_long_names, struct dns_long_name, struct dns_name, 65536);
PINNED_DNS(dns_sets, __u32, struct dns_set, 65536);
PINNED_DNS(dns_servers, struct dns_server_key, __u32, 4096);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dns_config);
} dns_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct dns_counters);
} dns_counters SEC(".maps");

/* Some two hundred answers: whoever listens reads them twice a second, and more are not told. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} dns_samples SEC(".maps");

static __always_inline struct dns_config *dns_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&dns_config, &zero);
}

/* What a name stands for whose key is `work->key`, of so many bytes. */
static __always_inline struct dns_name *dns_lookup(struct dns_work *work, __u32 bytes)
{
	return bytes <= DNS_SHORT_NAME ? bpf_map_lookup_elem(&dns_names, &work->key.short_name) :
					 bpf_map_lookup_elem(&dns_long_names, &work->key.long_name);
}
