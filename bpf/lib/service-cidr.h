/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether an address can only be a Service's: asked of all that no frontend serves, so it costs a comparison or two. */
#pragma once
#include "lib/addr.h"
#include "lib/lb.h"
#include "lib/maps.h"

static __always_inline bool cidr_holds(const struct cidr *cidr, const struct address *addr)
{
	return ((addr->halves[1] & cidr->mask.halves[1]) ^ cidr->addr.halves[1]) == 0 &&
	       ((addr->halves[0] & cidr->mask.halves[0]) ^ cidr->addr.halves[0]) == 0;
}

static __always_inline bool is_service_address(const struct address *addr)
{
	__u32 zero = 0;
	struct service_cidrs *known = bpf_map_lookup_elem(&service_cidrs, &zero);

	if (!known)
		return false;
#pragma unroll
	for (__u32 i = 0; i < SERVICE_CIDRS; i++) {
		if (i >= known->count)
			return false;
		if (cidr_holds(&known->cidrs[i], addr))
			return true;
	}
	return false;
}

/* What stands for the address itself, whatever the port; NULL where no Service has it. */
static __always_inline struct frontend *address_lookup(const struct address *addr)
{
	return frontend_lookup(addr, 0, 0);
}
