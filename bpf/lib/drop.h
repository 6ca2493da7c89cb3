/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Dropping: counted by reason and told to user space. */
#pragma once
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "lib/maps.h"
#include "lib/packet.h"

static __noinline int drop_record(struct __sk_buff *skb, struct work *work, __u32 reason)
{
	struct drop_counter *counter = bpf_map_lookup_elem(&drop_counters, &reason);
	struct drop_event *event;

	if (counter) {
		counter->packets++;
		counter->bytes += skb->len;
	}
	event = bpf_ringbuf_reserve(&drop_events, sizeof(*event), 0);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	if (work) {
		event->tuple = work->packet.tuple;
		event->hook = work->packet.hook;
	}
	event->reason = reason;
	event->ifindex = skb->ifindex;
	event->length = skb->len;
	/* Read every second: a flood of drops shall not wake the reader each time. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int drop(struct __sk_buff *skb, struct work *work, __u32 reason)
{
	drop_record(skb, work, reason);
	return TC_ACT_SHOT;
}
