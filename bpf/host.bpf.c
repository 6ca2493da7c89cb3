// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * At the node's uplink. Ingress: NodePorts and other frontends reached from outside, and the replies of remote
 * backends. Egress: what the node itself sends to a Service without its socket having been translated, and
 * replies of backends that are processes of the node.
 */
#include <linux/if_packet.h>
#include "lib/serve.h"

SEC("tc")
int host_ingress(struct __sk_buff *skb)
{
	static const struct serve_options options = { .external = true, .snat_remote = true };
	struct work *work = work_begin(HOOK_UPLINK_INGRESS);
	int parsed, reason;

	/* A switch floods frames for others; and what is sent to all is answered and forwarded by none. */
	if (skb->pkt_type != PACKET_HOST)
		return TC_ACT_UNSPEC;
	if (!work)
		return TC_ACT_UNSPEC;
	parsed = parse(skb, &work->packet);
	/* Not ours to judge: the stack drops what is malformed, and what nobody can have sent. */
	if ((parsed != PARSE_PORTS && parsed != PARSE_IP) || is_martian(&work->packet.tuple.src))
		return TC_ACT_UNSPEC;
	if (parsed == PARSE_IP)
		return serve_other(skb, work);
	fragment_remember(&work->packet);
	reason = dsr_accept(skb, work);
	if (reason)
		return drop(skb, work, reason);
	return serve(skb, work, &options);
}

SEC("tc")
int host_egress(struct __sk_buff *skb)
{
	static const struct serve_options options = { .snat_always = true, .reply_to_stack = true };
	struct work *work = work_begin(HOOK_UPLINK_EGRESS);
	struct conntrack_entry *entry;
	__u8 flags;
	int parsed;

	if (!work)
		return TC_ACT_UNSPEC;
	parsed = parse(skb, &work->packet);
	if (parsed == PARSE_IP)
		return leave_other(skb, work);
	if (parsed != PARSE_PORTS)
		return TC_ACT_UNSPEC;
	fragment_remember(&work->packet);
	entry = conntrack_lookup(&work->packet.tuple);
	/* It is on its way out with the right next hop already: only its source changes. */
	if (entry && (entry->flags & CONNTRACK_REPLY))
		return nat_continue(skb, work, &flags) == NAT_DROPPED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	return serve(skb, work, &options);
}

char _license[] SEC("license") = "Dual BSD/GPL";
