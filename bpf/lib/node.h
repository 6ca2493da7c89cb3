/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of this node, and of the others. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/maps.h"

static __always_inline struct node_config *node(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&node_config, &zero);
}

/* The node's own address comes from the wire as little as one that no host has. */
static __always_inline bool is_martian(const struct address *source)
{
	struct node_config *config = node();

	return address_is_martian(source) ||
	       (config && (address_equal(source, &config->snat4) || address_equal(source, &config->snat6)));
}

static __always_inline bool is_cluster_node(const struct address *address)
{
	struct cluster_node key = { .addr = *address };

	return bpf_map_lookup_elem(&cluster_nodes, &key) != NULL;
}
