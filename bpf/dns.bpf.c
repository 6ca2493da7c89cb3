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
#include "lib/csum.h"
#include "lib/dns.h"

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

struct record {
	__be16 name;
	__be16 type;
	__be16 class;
	__be32 ttl;
	__be16 length;
} __attribute__((packed));

struct v4_record {
	struct record record;
	__u8 address[4];
} __attribute__((packed));

struct v6_record {
	struct record record;
	__u8 address[16];
} __attribute__((packed));

/* ns.dns.ZONE and hostmaster.ZONE, as CoreDNS names them. */
struct soa_record {
	struct record record;
	__u8 primary[7];
	__be16 primary_zone;
	__u8 mailbox[11];
	__be16 mailbox_zone;
	__be32 serial;
	__be32 refresh;
	__be32 retry;
	__be32 expire;
	__be32 minimum;
} __attribute__((packed));

#define POINTER 0xc000

/* Names the enumeration, so that user space finds it in the object's BTF. */
int dns_btf_types(enum dns_name_flags flags);
int dns_btf_types(enum dns_name_flags flags)
{
	return 0;
}

static __always_inline struct dns_config *dns_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&dns_config, &zero);
}

static __always_inline void record_fill(struct record *record, __u16 name, __u16 type, __u32 ttl, __u16 length)
{
	record->name = bpf_htons(POINTER | name);
	record->type = bpf_htons(type);
	record->class = bpf_htons(DNS_IN);
	record->ttl = bpf_htonl(ttl);
	record->length = bpf_htons(length);
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

/* What a name stands for whose key is `work->key`, of so many bytes. */
static __always_inline struct dns_name *dns_lookup(struct dns_work *work, __u32 bytes)
{
	return bytes <= DNS_SHORT_NAME ? bpf_map_lookup_elem(&dns_names, &work->key.short_name) :
					 bpf_map_lookup_elem(&dns_long_names, &work->key.long_name);
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

/* Where the zone begins in the message, for pointers to it. */
static __always_inline __u16 zone_offset(const struct dns_work *work, const struct dns_config *config)
{
	return sizeof(struct dns_header) + work->name_bytes - config->zone_bytes;
}

/* The answer's header and question; records follow at `reply_bytes`. */
VERIFIED_ONCE int dns_begin_reply(__u32 rcode)
{
	struct dns_config *config = dns_settings();
	struct dns_work *work = dns_work();
	struct dns_header *header;

	if (!config || !work)
		return -1;
	/* OPT, where there is one, is overwritten by what follows. */
	__builtin_memcpy(work->reply, work->query, sizeof(work->query));
	header = (struct dns_header *)work->reply;
	header->flags = bpf_htons(DNS_QR | DNS_AA | (work->flags & (DNS_RD | DNS_CD)) | (config->recursive ? DNS_RA : 0) | rcode);
	header->additionals = 0;
	work->reply_bytes = sizeof(*header) + work->name_bytes + sizeof(struct dns_question_tail);
	return 0;
}

struct dns_append {
	const struct dns_set *set;
	__u32 first;
	__u32 count;
	__u32 ttl;
	__u32 is_v6;
};

static long dns_append_address(__u32 index, void *context)
{
	struct dns_append *append = context;
	struct dns_work *work = dns_work();
	__u32 which, at;

	if (!work || index >= append->count)
		return 1;
	at = work->reply_bytes;
	which = append->first + index;
	if (which >= append->count)
		which -= append->count;
	if (at > DNS_REPLY_ROOM)
		return 1;
	if (append->is_v6) {
		struct v6_record *record = (struct v6_record *)(work->reply + at);

		record_fill(&record->record, sizeof(struct dns_header), DNS_AAAA, append->ttl, 16);
		if (!append->set || which >= DNS_SET_V6)
			return 1;
		__builtin_memcpy(record->address, &append->set->v6[which * 16], 16);
		work->reply_bytes = at + sizeof(*record);
	} else {
		struct v4_record *record = (struct v4_record *)(work->reply + at);

		record_fill(&record->record, sizeof(struct dns_header), DNS_A, append->ttl, 4);
		if (!append->set || which >= DNS_SET_V4)
			return 1;
		__builtin_memcpy(record->address, &append->set->v4[which * 4], 4);
		work->reply_bytes = at + sizeof(*record);
	}
	return 0;
}

/* Every address of the set, from one at random on; how many. */
VERIFIED_ONCE int dns_append_set(__u32 id, __u32 ttl, __u32 is_v6)
{
	struct dns_append append = { .ttl = ttl, .is_v6 = is_v6 };
	struct dns_set *set = bpf_map_lookup_elem(&dns_sets, &id);

	/* It is being changed: user space knows. */
	if (!set)
		return -1;
	append.set = set;
	append.count = is_v6 ? set->v6_count : set->v4_count;
	if (append.count == 0)
		return -1;
	append.first = bpf_get_prandom_u32() % append.count;
	bpf_loop(DNS_SET_V4, dns_append_address, &append, 0);
	return append.count;
}

VERIFIED_ONCE int dns_append_soa(void)
{
	struct dns_config *config = dns_settings();
	struct dns_work *work = dns_work();
	struct dns_header *header;
	struct soa_record *soa;
	__be16 zone;
	__u32 at;

	if (!config || !work)
		return -1;
	at = work->reply_bytes;
	if (at > DNS_QUERY_MAX)
		return -1;
	zone = bpf_htons(POINTER | zone_offset(work, config));
	soa = (struct soa_record *)(work->reply + at);
	record_fill(&soa->record, zone_offset(work, config), DNS_SOA, config->ttl, sizeof(*soa) - sizeof(soa->record));
	__builtin_memcpy(soa->primary, "\002ns\003dns", sizeof(soa->primary));
	soa->primary_zone = zone;
	__builtin_memcpy(soa->mailbox, "\012hostmaster", sizeof(soa->mailbox));
	soa->mailbox_zone = zone;
	soa->serial = bpf_htonl(config->serial);
	soa->refresh = bpf_htonl(7200);
	soa->retry = bpf_htonl(1800);
	soa->expire = bpf_htonl(86400);
	soa->minimum = bpf_htonl(config->ttl);
	header = (struct dns_header *)work->reply;
	header->authorities = bpf_htons(1);
	work->reply_bytes = at + sizeof(*soa);
	return 0;
}

VERIFIED_ONCE int dns_append_single(__u32 ttl, __u32 is_v6)
{
	struct dns_work *work = dns_work();
	struct dns_name *name;
	__u32 at;

	if (!work)
		return -1;
	at = work->reply_bytes;
	if (at > DNS_QUERY_MAX)
		return -1;
	name = dns_lookup(work, work->name_bytes);
	if (!name)
		return -1;
	if (is_v6) {
		struct v6_record *record = (struct v6_record *)(work->reply + at);

		record_fill(&record->record, sizeof(struct dns_header), DNS_AAAA, ttl, 16);
		__builtin_memcpy(record->address, name->v6, 16);
		work->reply_bytes = at + sizeof(*record);
	} else {
		struct v4_record *record = (struct v4_record *)(work->reply + at);

		record_fill(&record->record, sizeof(struct dns_header), DNS_A, ttl, 4);
		__builtin_memcpy(record->address, name->v4, 4);
		work->reply_bytes = at + sizeof(*record);
	}
	return 1;
}

/* The OPT record, and the checks that the reply may be as long as it is. */
VERIFIED_ONCE int dns_end_reply(__u32 answers)
{
	struct dns_config *config = dns_settings();
	struct dns_work *work = dns_work();
	struct dns_header *header;
	__u32 limit, at;

	if (!config || !work)
		return -1;
	at = work->reply_bytes;
	header = (struct dns_header *)work->reply;
	header->answers = bpf_htons(answers);
	if (at > DNS_REPLY_ROOM)
		return -1;
	limit = DNS_CLASSIC_BYTES;
	if (work->udp_bytes) {
		struct dns_opt *opt = (struct dns_opt *)(work->reply + at);

		__builtin_memset(opt, 0, sizeof(*opt));
		opt->type = bpf_htons(DNS_OPT);
		opt->udp_bytes = bpf_htons(config->udp_bytes);
		opt->flags = work->edns_flags;
		header->additionals = bpf_htons(1);
		at += sizeof(*opt);
		limit = work->udp_bytes < config->udp_bytes ? work->udp_bytes : config->udp_bytes;
	}
	if (at > limit || at > DNS_REPLY_ROOM)
		return -1;
	work->reply_bytes = at;
	return 0;
}

enum dns_outcome {
	DNS_PASS = 0,
	DNS_HIT,
	DNS_EMPTY,
	DNS_NAME_ERROR,
};

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

#define SUM_PIECE 256

/* Sum of the reply, which is made whole words with zeros. */
VERIFIED_ONCE __s64 dns_reply_sum(__u32 start)
{
	struct dns_work *work = dns_work();
	__s64 sum = start;
	__u32 end;

	if (!work)
		return -1;
	end = work->reply_bytes;
	if (end > DNS_REPLY_ROOM)
		return -1;
	__builtin_memset(work->reply + end, 0, 4);
	for (__u32 at = 0; at < DNS_REPLY_ROOM; at += SUM_PIECE) {
		__u32 left;

		if (at >= end)
			break;
		left = end - at;
		if (left >= SUM_PIECE)
			sum = bpf_csum_diff(NULL, 0, (__be32 *)(work->reply + at), SUM_PIECE, sum);
		else
			sum = bpf_csum_diff(NULL, 0, (__be32 *)(work->reply + at), (left + 3) & 0x1fc, sum);
		if (sum < 0)
			return -1;
	}
	return sum;
}

/* The question's datagram becomes the reply's; a checksum of 0 is none, which IPv4 allows. -2: it is half changed. */
VERIFIED_ONCE int dns_send_v4(struct __sk_buff *skb)
{
	const __u32 l3 = sizeof(struct ethhdr), l4 = l3 + sizeof(struct iphdr), payload = l4 + sizeof(struct udphdr);
	struct dns_work *work = dns_work();
	struct udphdr udp;
	struct iphdr ip;
	__u32 length;
	__be32 addr;
	__be16 port;

	if (!work)
		return -1;
	length = work->reply_bytes - 1;
	barrier_var(length);
	if (length >= DNS_REPLY_ROOM)
		return -1;
	length++;
	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0 || bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)) < 0)
		return -1;
	addr = ip.saddr;
	ip.saddr = ip.daddr;
	ip.daddr = addr;
	ip.ttl = 64;
	ip.tos = 0;
	ip.id = 0;
	ip.frag_off = bpf_htons(0x4000);
	ip.tot_len = bpf_htons(sizeof(ip) + sizeof(udp) + length);
	ip.check = 0;
	ip.check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	port = udp.source;
	udp.source = udp.dest;
	udp.dest = port;
	udp.len = bpf_htons(sizeof(udp) + length);
	udp.check = 0;
	if (bpf_skb_change_tail(skb, payload + length, 0) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, l3, &ip, sizeof(ip), 0) < 0 || bpf_skb_store_bytes(skb, l4, &udp, sizeof(udp), 0) < 0 ||
	    bpf_skb_store_bytes(skb, payload, work->reply, length, 0) < 0)
		return -2;
	return 0;
}

VERIFIED_ONCE int dns_send_v6(struct __sk_buff *skb)
{
	const __u32 l3 = sizeof(struct ethhdr), l4 = l3 + sizeof(struct ipv6hdr), payload = l4 + sizeof(struct udphdr);
	struct dns_work *work = dns_work();
	struct tuple tuple = {};
	struct ipv6hdr ip;
	struct udphdr udp;
	__u32 length;
	__s64 sum;
	__be16 port;

	if (!work)
		return -1;
	length = work->reply_bytes - 1;
	barrier_var(length);
	if (length >= DNS_REPLY_ROOM)
		return -1;
	length++;
	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)) < 0 || bpf_skb_load_bytes(skb, l4, &udp, sizeof(udp)) < 0)
		return -1;
	__builtin_memcpy(&tuple.src, &ip.daddr, 16);
	__builtin_memcpy(&tuple.dst, &ip.saddr, 16);
	__builtin_memset(&ip, 0, 4);
	ip.version = 6;
	ip.hop_limit = 64;
	ip.payload_len = bpf_htons(sizeof(udp) + length);
	__builtin_memcpy(&ip.saddr, &tuple.src, 16);
	__builtin_memcpy(&ip.daddr, &tuple.dst, 16);
	port = udp.source;
	udp.source = udp.dest;
	udp.dest = port;
	udp.len = bpf_htons(sizeof(udp) + length);
	udp.check = 0;
	sum = pseudo_sum(&tuple, true, IPPROTO_UDP, sizeof(udp) + length);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&udp, sizeof(udp), sum);
	sum = dns_reply_sum(sum);
	if (sum < 0)
		return -1;
	udp.check = csum_fold(sum);
	/* Zero would say that there is none (RFC 8200, section 8.1). */
	if (udp.check == 0)
		udp.check = 0xffff;
	if (bpf_skb_change_tail(skb, payload + length, 0) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, l3, &ip, sizeof(ip), 0) < 0 || bpf_skb_store_bytes(skb, l4, &udp, sizeof(udp), 0) < 0 ||
	    bpf_skb_store_bytes(skb, payload, work->reply, length, 0) < 0)
		return -2;
	return 0;
}

struct datagram {
	struct dns_server_key server;
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
		stated = bpf_ntohs(ip->tot_len) - sizeof(*ip);
		l4 = sizeof(*eth) + sizeof(*ip);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + sizeof(*eth);

		if (data + sizeof(*eth) + sizeof(*ip) > end || ip->nexthdr != IPPROTO_UDP || ip->version != 6)
			return false;
		__builtin_memcpy(&datagram->server.addr, &ip->daddr, 16);
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

static __always_inline int send_to_asker(struct __sk_buff *skb)
{
	struct ethhdr eth;
	__u8 mac[6];

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) < 0)
		return TC_ACT_SHOT;
	__builtin_memcpy(mac, eth.h_dest, 6);
	__builtin_memcpy(eth.h_dest, eth.h_source, 6);
	__builtin_memcpy(eth.h_source, mac, 6);
	if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) < 0)
		return TC_ACT_SHOT;
	return bpf_redirect_peer(skb->ifindex, 0);
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
	if (config->enabled && dns_read_question(skb, work, datagram.payload, datagram.length) == 0)
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
	return outcome == DNS_PASS ? TC_ACT_UNSPEC : send_to_asker(skb);
}

char _license[] SEC("license") = "Dual BSD/GPL";
