// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * At the node's uplink, before tc, where a node is told to: packets of connections that tc began and that leave by the
 * interface they came in at are sent on without an skb. XDP follows, tc begins and judges (docs/adr/0010-xdp-follows.md).
 */
#include "lib/xdp.h"

SEC("xdp")
int xdp_uplink(struct xdp_md *ctx)
{
	struct frame frame = { .start = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end };
	struct work *work = work_begin(HOOK_UPLINK_INGRESS);
	struct bpf_fib_lookup next = {};
	struct conntrack_entry *entry;
	struct names names;

	if (!work || !any_translated())
		return XDP_PASS;
	frame.packet = &work->packet;
	if (!frame_parse(&frame))
		return XDP_PASS;
	entry = frame_connection(&work->packet);
	if (!entry)
		return XDP_PASS;
	names.src = entry->new_src;
	names.dst = entry->new_dst;
	names.sport = entry->new_sport;
	names.dport = entry->new_dport;
	if (!frame_route(ctx, &frame, &names, &next))
		return XDP_PASS;
	conntrack_touch(entry, &work->packet);
	frame_write(&frame, &names, &next);
	return XDP_TX;
}

/* For the other end of a veth: it takes what XDP sends only where it runs a program itself. */
SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
