/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frontend to backend: one lookup for what is no Service, three for what is. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/maps.h"

static __always_inline struct frontend *frontend_lookup(const struct address *addr, __be16 port, __u8 proto)
{
	struct frontend_key key = { .addr = *addr, .port = port, .proto = proto };

	return bpf_map_lookup_elem(&frontends, &key);
}

static __always_inline struct backend *backend_lookup(__u32 id)
{
	return bpf_map_lookup_elem(&backends, &id);
}

/* The backend of a generation that an earlier choice saw, or NULL where it no longer serves. */
static __always_inline struct backend *backend_still(__u32 id, __u32 generation)
{
	struct backend *backend = backend_lookup(id);

	return backend && backend->generation == generation ? backend : NULL;
}

/*
 * A random one of the pool; *id tells which. NULL where the pool is empty. A pool that shrinks while this runs
 * can have a slot whose backend is gone: the second try goes to the first slot, which is the last to go.
 */
static __always_inline struct backend *backend_choose(const struct pool *pool, __u32 *id)
{
	struct slot_key key = { .pool_id = pool->id };
	struct backend *backend;
	struct slot *slot;

	if (pool->count == 0)
		return NULL;
	key.index = bpf_get_prandom_u32() % pool->count;
	for (int i = 0; i < 2; i++) {
		slot = bpf_map_lookup_elem(&slots, &key);
		backend = slot ? backend_lookup(slot->backend_id) : NULL;
		if (backend) {
			*id = slot->backend_id;
			return backend;
		}
		key.index = 0;
	}
	return NULL;
}
