// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * At the host end of a pod's veth. Ingress there is what the pod sends, egress what it is about to receive.
 * Most traffic to Services never needs this: the pod's own sockets were translated when they connected.
 */
#include "lib/btf.h"
#include "lib/serve.h"
#include "lib/source.h"

SEC("tc")
int pod_ingress(struct __sk_buff *skb)
{
	static const struct serve_options options = { .from_pod = true };
	struct work *work = work_begin(HOOK_POD_INGRESS);
	int parsed, reason;

	if (!work)
		return TC_ACT_SHOT;
	parsed = parse(skb, &work->packet);
	if (parsed == PARSE_MALFORMED)
		return drop(skb, work, DROP_MALFORMED);
	reason = source_check(skb, &work->packet, parsed);
	if (reason)
		return drop(skb, work, reason);
	if (parsed == PARSE_IP) {
		if (is_obscure(&work->packet))
			return drop(skb, work, DROP_EXTENSIONS);
		/* Nobody forwards it, so nothing here may: policies do not know its sender. */
		if (is_link_scope(&work->packet))
			return TC_ACT_UNSPEC;
		work->original = work->packet.tuple;
		reason = policies() ? policy_pass(skb, 0, 1, 0) : DROP_NONE;
		return reason ? drop(skb, work, reason) : serve_other(skb, work);
	}
	if (parsed != PARSE_PORTS)
		return TC_ACT_UNSPEC;
	if (dsr_is_forged(skb, &work->packet))
		return drop(skb, work, DROP_DIRECT_RETURN);
	fragment_remember(&work->packet);
	return serve(skb, work, &options);
}

/* Replies of backends to a pod whose packets were translated on their way out; and what takes the way by the stack. */
SEC("tc")
int pod_egress(struct __sk_buff *skb)
{
	bool from_beside = comes_from_beside(skb), judges = policies() != NULL;
	struct work *work;
	int parsed, reason;
	__u8 flags;

	if (!from_beside && !judges && !any_translated())
		return TC_ACT_UNSPEC;
	work = work_begin(HOOK_POD_EGRESS);
	if (!work)
		return TC_ACT_SHOT;
	parsed = parse(skb, &work->packet);
	/* What hides its ports is not to be judged: a first fragment that is too short for them, headers that are cut. */
	if (judges && parsed == PARSE_MALFORMED && judged_pod(&work->packet.tuple.dst))
		return drop(skb, work, DROP_MALFORMED);
	if (judges && (parsed == PARSE_IP || parsed == PARSE_PORTS)) {
		reason = policy_enter(skb);
		if (reason)
			return drop(skb, work, reason);
	}
	if (parsed == PARSE_IP)
		return icmp_translate(skb, work) == NAT_DROPPED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	if (parsed != PARSE_PORTS)
		return TC_ACT_UNSPEC;
	if (from_beside)
		note_stack_flow(&work->packet.tuple);
	fragment_remember(&work->packet);
	if (nat_continue(skb, work, &flags) == NAT_DROPPED)
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Dual BSD/GPL";
