// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * At the host end of a pod's veth, before all else: questions for addresses of the cluster zone are answered here, out
 * of maps that the agent keeps; everything else goes on to the server. An answer returns to the pod that asked,
 * whatever source it claims, so that no source has to be checked.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include "lib/addr.h"
#include "lib/dns-reply.h"
#include "lib/dns-send.h"

/* Names what no map has, so that user space finds it in the object's BTF. */
int dns_btf_types(enum dns_name_flags flags, enum dns_outcome outcome, struct dns_sample *sample);
int dns_btf_types(enum dns_name_flags flags, enum dns_outcome outcome, struct dns_sample *sample)
{
	return 0;
}

/* Whether the name is the zone's or below it. */
VERIFIED_ONCE int dns_in_zone(struct __sk_buff *skb, __u32 payload)
{
	struct dns_config *config = dns_settings();
	struct dns_work *work = dns_work();
	__u64 difference = 0;
	__u32 start, last;

	if (!config || !work || work->labels < config->zone_labels)
		return 0;
	/* The root's byte has no label: a zone is never the root's. */
	start = work->labels == config->zone_labels ? 0 : work->starts[(work->labels - config->zone_labels) & (DNS_LABELS_MAX - 1)];
	if (work->name_bytes - start != config->zone_bytes)
		return 0;
	last = config->zone_bytes - 1;
	barrier_var(last);
	if (last >= DNS_SHORT_NAME)
		return 0;
	__builtin_memset(&work->suffix, 0, sizeof(work->suffix));
	if (bpf_skb_load_bytes(skb, payload + sizeof(struct dns_header) + start, &work->suffix, last + 1) < 0)
		return 0;
	for (int i = 0; i < DNS_SHORT_NAME / 8; i++)
		difference |= lower_case(work->suffix.words[i]) ^ ((__u64 *)config->zone)[i];
	return difference == 0;
}

/* NAME.NAMESPACE.svc: the labels of a Service's name below the zone. */
#define SERVICE_LABELS 3

/*
 * Whether a name below the zone that is in no map does not exist. Names of pods by their address (`pod`) and those below
 * a Service's, of endpoints and ports, are user space's to judge. Overwrites the key.
 */
VERIFIED_ONCE int dns_is_absent(struct __sk_buff *skb, __u32 payload)
{
	struct dns_config *config = dns_settings();
	struct dns_work *work = dns_work();
	__u32 at, below;
	int bytes;

	if (!config || !work || work->labels <= config->zone_labels)
		return 0;
	below = work->labels - config->zone_labels;
	at = work->starts[(below - 1) & (DNS_LABELS_MAX - 1)];
	if (work->key.long_name.wire[at & 0xff] == 3 && work->key.long_name.wire[(at + 1) & 0xff] == 'p' &&
	    work->key.long_name.wire[(at + 2) & 0xff] == 'o' && work->key.long_name.wire[(at + 3) & 0xff] == 'd')
		return 0;
	if (below <= SERVICE_LABELS)
		return 1;
	bytes = dns_make_key(skb, payload, work->starts[(below - SERVICE_LABELS) & (DNS_LABELS_MAX - 1)]);
	return bytes > 0 && !dns_lookup(work, bytes);
}

/* Makes the reply to the question in `work`, or says that user space is to. */
static __always_inline int dns_make_reply(struct __sk_buff *skb, struct dns_work *work, const struct dns_config *config,
					  __u32 payload)
{
	bool is_v6 = work->type == DNS_AAAA;
	struct dns_name *name;
	int answers = 0;
	__u32 flags, set;

	if ((work->type != DNS_A && work->type != DNS_AAAA) || !dns_in_zone(skb, payload))
		return DNS_PASS;
	name = dns_lookup(work, work->name_bytes);
	if (!name) {
		if (!dns_is_absent(skb, payload) || dns_begin_reply(DNS_NXDOMAIN) < 0 || dns_append_soa() < 0 ||
		    dns_end_reply(0) < 0)
			return DNS_PASS;
		return DNS_NAME_ERROR;
	}
	flags = name->flags;
	set = name->set;
	if ((flags & DNS_USER_SPACE) || dns_begin_reply(0) < 0)
		return DNS_PASS;
	if (!(flags & (is_v6 ? DNS_HAS_V6 : DNS_HAS_V4)))
		return dns_append_soa() < 0 || dns_end_reply(0) < 0 ? DNS_PASS : DNS_EMPTY;
	answers = flags & DNS_IS_SET ? dns_append_set(set, config->ttl, is_v6) :
				       dns_append_single(config->ttl, is_v6);
	return answers < 0 || dns_end_reply(answers) < 0 ? DNS_PASS : DNS_HIT;
}

static __always_inline void dns_count(int outcome)
{
	__u32 zero = 0;
	struct dns_counters *counters = bpf_map_lookup_elem(&dns_counters, &zero);

	if (!counters)
		return;
	if (outcome == DNS_HIT)
		counters->hits++;
	else if (outcome == DNS_EMPTY)
		counters->empty++;
	else if (outcome == DNS_NAME_ERROR)
		counters->name_errors++;
	else
		counters->passed++;
}

/* Tells of one answer in so many, of which the question's name is at the reply's beginning. */
VERIFIED_ONCE int dns_sample_answer(struct __sk_buff *skb, __u32 outcome, __u32 every, struct address *asker)
{
	struct dns_work *work = dns_work();
	struct dns_sample *sample;

	if (!work || !asker || every == 0 || bpf_get_prandom_u32() % every)
		return 0;
	sample = bpf_ringbuf_reserve(&dns_samples, sizeof(*sample), 0);
	if (!sample)
		return 0;
	sample->time = bpf_ktime_get_ns();
	sample->asker = *asker;
	sample->ifindex = skb->ifindex;
	sample->type = work->type;
	sample->outcome = outcome;
	sample->name_bytes = work->name_bytes;
	__builtin_memcpy(sample->name, work->reply + sizeof(struct dns_header), sizeof(sample->name));
	/* Read twice a second: a flood of questions shall not wake the reader each time. */
	bpf_ringbuf_submit(sample, BPF_RB_NO_WAKEUP);
	return 0;
}

struct datagram {
	struct dns_server_key server;
	struct address asker;
	__u32 payload;
	__u32 length;
	bool is_v6;
};

/* A whole datagram to port 53 without anything unusual about it; false for all other packets. */
static __always_inline bool is_question(struct __sk_buff *skb, struct datagram *datagram)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct udphdr *udp;
	__u32 l4, stated;

	if (data + sizeof(*eth) + sizeof(struct iphdr) > end)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + sizeof(*eth);

		if (ip->protocol != IPPROTO_UDP || ip->version != 4 || ip->ihl != 5 || (ip->frag_off & ~bpf_htons(0x4000)))
			return false;
		address_from_v4(&datagram->server.addr, ip->daddr);
		address_from_v4(&datagram->asker, ip->saddr);
		stated = bpf_ntohs(ip->tot_len) - sizeof(*ip);
		l4 = sizeof(*eth) + sizeof(*ip);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + sizeof(*eth);

		if (data + sizeof(*eth) + sizeof(*ip) > end || ip->nexthdr != IPPROTO_UDP || ip->version != 6)
			return false;
		__builtin_memcpy(&datagram->server.addr, &ip->daddr, 16);
		__builtin_memcpy(&datagram->asker, &ip->saddr, 16);
		stated = bpf_ntohs(ip->payload_len);
		l4 = sizeof(*eth) + sizeof(*ip);
		datagram->is_v6 = true;
	} else {
		return false;
	}
	udp = data + l4;
	if ((void *)(udp + 1) > end || udp->source == 0)
		return false;
	datagram->server.port = udp->dest;
	datagram->payload = l4 + sizeof(*udp);
	datagram->length = stated - sizeof(*udp);
	return bpf_ntohs(udp->len) == stated && skb->len == l4 + stated && skb->gso_size == 0 && !skb->vlan_present;
}

SEC("tc")
int dns_pod_ingress(struct __sk_buff *skb)
{
	struct datagram datagram = {};
	struct dns_config *config;
	int outcome = DNS_PASS, sent;
	struct dns_work *work;

	if (!is_question(skb, &datagram))
		return TC_ACT_UNSPEC;
	if (!bpf_map_lookup_elem(&dns_servers, &datagram.server))
		return TC_ACT_UNSPEC;
	config = dns_settings();
	work = dns_work();
	if (!config || !work)
		return TC_ACT_UNSPEC;
	if (config->enabled && bpf_ktime_get_coarse_ns() < config->until &&
	    dns_read_question(skb, work, datagram.payload, datagram.length) == 0)
		outcome = dns_make_reply(skb, work, config, datagram.payload);
	if (outcome != DNS_PASS) {
		sent = datagram.is_v6 ? dns_send_v6(skb) : dns_send_v4(skb);
		/* Half changed: the asker asks again. */
		if (sent == -2)
			return TC_ACT_SHOT;
		if (sent < 0)
			outcome = DNS_PASS;
	}
	dns_count(outcome);
	if (config->sample_every && outcome != DNS_PASS)
		dns_sample_answer(skb, outcome, config->sample_every, &datagram.asker);
	return outcome == DNS_PASS ? TC_ACT_UNSPEC : send_to_asker(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
