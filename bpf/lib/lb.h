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

/* Whether what is new is for the programs behind these, see struct node_config. Asked of what goes to a Service alone. */
static __always_inline bool draining(void)
{
	__u32 zero = 0;
	struct node_config *config = bpf_map_lookup_elem(&node_config, &zero);

	return config && config->draining;
}

/* Whether loadBalancerSourceRanges let the client in. */
static __always_inline bool source_allowed(const struct frontend *frontend, const struct address *client)
{
	struct source_range_key key = {
		.prefix = 8 * (sizeof(key) - sizeof(key.prefix)),
		.service_id = frontend->service_id,
		.addr = *client,
	};

	return !(frontend->flags & FRONTEND_SOURCE_RANGES) || bpf_map_lookup_elem(&source_ranges, &key);
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

/* Which backend, and where it is in its pool. */
struct choice {
	__u32 backend_id;
	__u32 slot;
};

/* Who begins a connection. */
struct client {
	/* Of a socket, which has no address yet, what stands for it. */
	struct address addr;
	/* Tells one client's connections apart. */
	__u32 flow;
	bool is_v6;
};

/* One step of MurmurHash3 (32 bits): Maglev needs the same hash on every node. */
static __always_inline __u32 hash_word(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

static __always_inline __u32 hash_end(__u32 hash)
{
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/*
 * What decides among a pool's slots. Maglev's is of the client alone, never of the address that it came to: each node
 * has its own NodePorts, and shall choose as any other does.
 */
static __always_inline __u32 pick(const struct frontend *frontend, const struct client *client)
{
	__u32 hash = 0;

	if (!(frontend->flags & FRONTEND_MAGLEV))
		return bpf_get_prandom_u32();
	for (int i = 0; i < 4; i++)
		hash = hash_word(hash, client->addr.words[i]);
	if (!(frontend->flags & FRONTEND_AFFINITY))
		hash = hash_word(hash, client->flow);
	return hash_end(hash);
}

/*
 * The pool's one for a number. NULL where the pool is empty. A pool that shrinks while this runs can have a slot
 * whose backend is gone: the second try goes to the first slot, which is the last to go.
 */
static __always_inline struct backend *backend_picked(const struct pool *pool, __u32 number, struct choice *choice)
{
	struct slot_key key = { .pool_id = pool->id };
	struct backend *backend;
	struct slot *slot;

	if (pool->count == 0)
		return NULL;
	key.index = number % pool->count;
	for (int i = 0; i < 2; i++) {
		slot = bpf_map_lookup_elem(&slots, &key);
		backend = slot ? backend_lookup(slot->backend_id) : NULL;
		if (backend) {
			choice->backend_id = slot->backend_id;
			choice->slot = key.index;
			return backend;
		}
		key.index = 0;
	}
	return NULL;
}

struct search {
	struct slot_key at;
	__u32 backend_id;
	__u32 found;
};

static long search_step(__u32 index, struct search *search)
{
	struct slot *slot;

	search->at.index = index;
	slot = bpf_map_lookup_elem(&slots, &search->at);
	search->found = slot && slot->backend_id == search->backend_id;
	return search->found;
}

/* Members keep their slots but for the last one, which fills gaps: then the pool is searched. */
static __always_inline bool pool_holds(const struct pool *pool, const struct affinity *known)
{
	struct search search = { .at = { .pool_id = pool->id }, .backend_id = known->backend_id };

	if (known->slot < pool->count && search_step(known->slot, &search))
		return true;
	bpf_loop(pool->count, search_step, &search, 0);
	return search.found;
}

/* The backend of the client's earlier connections while it serves, or the picked one, which is remembered. */
static __noinline struct backend *backend_sticky(const struct frontend *frontend, const struct pool *pool,
						 const struct affinity_key *key, __u32 number, struct choice *choice)
{
	struct affinity *known, now = { .last_used = bpf_ktime_get_ns() };
	struct backend *backend;

	known = bpf_map_lookup_elem(&affinities, key);
	/* Signed: another CPU may have written it since the clock was read. */
	if (known && (__s64)(now.last_used - known->last_used) < frontend->affinity_seconds * 1000000000ll) {
		backend = backend_still(known->backend_id, known->generation);
		if (backend && pool_holds(pool, known)) {
			known->last_used = now.last_used;
			choice->backend_id = known->backend_id;
			return backend;
		}
	}
	backend = backend_picked(pool, number, choice);
	if (!backend)
		return NULL;
	now.backend_id = choice->backend_id;
	now.slot = choice->slot;
	now.generation = backend->generation;
	bpf_map_update_elem(&affinities, key, &now, BPF_ANY);
	return backend;
}

/* A backend for a new connection of the client; *id tells which. NULL where there is none. */
static __always_inline struct backend *backend_choose(const struct frontend *frontend, const struct pool *pool,
						      const struct client *client, __u32 *id)
{
	__u32 number = pick(frontend, client);
	struct choice choice = {};
	struct backend *backend;

	if (frontend->flags & FRONTEND_AFFINITY) {
		struct affinity_key key = {
			.client = client->addr,
			.service_id = frontend->service_id,
			.is_v6 = client->is_v6,
		};

		backend = backend_sticky(frontend, pool, &key, number, &choice);
	} else {
		backend = backend_picked(pool, number, &choice);
	}
	*id = choice.backend_id;
	return backend;
}
