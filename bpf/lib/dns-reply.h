/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answer to a question, made in `dns_work` record by record. */
#pragma once
#include "lib/dns-maps.h"

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
/* Seconds; as CoreDNS has it. */
#define LONGEST_SOA_TTL 300

static __always_inline void record_fill(struct record *record, __u16 name, __u16 type, __u32 ttl, __u16 length)
{
	record->name = bpf_htons(POINTER | name);
	record->type = bpf_htons(type);
	record->class = bpf_htons(DNS_IN);
	record->ttl = bpf_htonl(ttl);
	record->length = bpf_htons(length);
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
	/* It is the question's; OPT, where there is one, is overwritten by what follows. */
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
	record_fill(&soa->record, zone_offset(work, config), DNS_SOA,
		    config->ttl < LONGEST_SOA_TTL ? config->ttl : LONGEST_SOA_TTL, sizeof(*soa) - sizeof(soa->record));
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
	/* It may have changed since it was looked up first. */
	if (!name || (name->flags & (DNS_USER_SPACE | DNS_IS_SET)) || !(name->flags & (is_v6 ? DNS_HAS_V6 : DNS_HAS_V4)))
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
