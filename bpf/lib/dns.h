/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A DNS question (RFC 1035, section 4) out of a datagram, and the name in it. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "lib/packet.h"
#include "shared/dns.h"

#define DNS_PORT 53
#define DNS_QR 0x8000
#define DNS_AA 0x0400
#define DNS_TC 0x0200
#define DNS_RD 0x0100
#define DNS_RA 0x0080
#define DNS_CD 0x0010
/* Opcode, truncation, the reserved bit and the rcode: a plain question has none of them. */
#define DNS_NOT_PLAIN (DNS_QR | 0x7800 | DNS_AA | DNS_TC | DNS_RA | 0x0040 | 0x000f)
#define DNS_NXDOMAIN 3
#define DNS_DO 0x8000

#define DNS_A 1
#define DNS_SOA 6
#define DNS_AAAA 28
#define DNS_OPT 41
#define DNS_IN 1

#define DNS_CLASSIC_BYTES 512
#define DNS_NAME_MAX 255
#define DNS_LABEL_MAX 63
/* Each label takes two bytes at least. */
#define DNS_LABELS_MAX 128

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

struct dns_question_tail {
	__be16 type;
	__be16 class;
};

struct dns_opt {
	__u8 name;
	__be16 type;
	__be16 udp_bytes;
	__u8 extended_rcode;
	__u8 version;
	__be16 flags;
	__be16 length;
} __attribute__((packed));

/* Header, the longest name with its type and class, OPT. */
#define DNS_QUERY_MAX (sizeof(struct dns_header) + DNS_NAME_MAX + sizeof(struct dns_question_tail) + sizeof(struct dns_opt))
#define DNS_REPLY_ROOM 1024

struct dns_work {
	union {
		struct dns_short_name short_name;
		struct dns_long_name long_name;
		__u64 words[DNS_LONG_NAME / 8];
	} key;
	/* The name's end, of the length of the zone. */
	union {
		__u8 bytes[DNS_SHORT_NAME];
		__u64 words[DNS_SHORT_NAME / 8];
	} suffix;
	/* Where the name's labels start, from its first byte. */
	__u8 starts[DNS_LABELS_MAX];
	/* The question as it came, then its answer. Room behind it for the last record that was begun, and for whole words of the checksum. */
	__u8 reply[DNS_REPLY_ROOM + 64];
	__u32 labels;
	/* Of the name, the root's byte included. */
	__u32 name_bytes;
	__u32 reply_bytes;
	__u16 type;
	/* Zero without an OPT record. */
	__u16 udp_bytes;
	__be16 edns_flags;
	__u16 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns_work);
} dns_scratch SEC(".maps");

static __always_inline struct dns_work *dns_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&dns_scratch, &zero);
}

/* ASCII letters of eight bytes in lower case; other bytes, and those above 127, stay. */
static __always_inline __u64 lower_case(__u64 word)
{
	__u64 low = word & 0x7f7f7f7f7f7f7f7fULL;
	__u64 from_a = low + 0x3f3f3f3f3f3f3f3fULL;
	__u64 beyond_z = low + 0x2525252525252525ULL;

	return word | ((~word & (from_a ^ beyond_z) & 0x8080808080808080ULL) >> 2);
}

struct dns_walk {
	__u32 at;
	__u32 labels;
	__u32 ended;
};

static long dns_walk_label(__u32 index, void *context)
{
	struct dns_walk *walk = context;
	struct dns_work *work = dns_work();
	__u32 at = walk->at;
	__u8 length;

	if (!work || at >= DNS_NAME_MAX)
		return 1;
	length = work->reply[sizeof(struct dns_header) + at];
	if (length == 0) {
		walk->ended = 1;
		return 1;
	}
	/* A pointer, or a kind of label that nobody knows. */
	if (length > DNS_LABEL_MAX)
		return 1;
	work->starts[index & (DNS_LABELS_MAX - 1)] = at;
	walk->labels++;
	walk->at = at + length + 1;
	return 0;
}

/* Finds the labels of the name; its length, or 0 for what is no name. */
VERIFIED_ONCE __u32 dns_walk_name(void)
{
	struct dns_work *work = dns_work();
	struct dns_walk walk = {};

	if (!work)
		return 0;
	bpf_loop(DNS_LABELS_MAX, dns_walk_label, &walk, 0);
	if (!walk.ended)
		return 0;
	work->labels = walk.labels;
	work->name_bytes = walk.at + 1;
	return work->name_bytes;
}

/* As `dns_make_key`, of a name that is longer than most. */
VERIFIED_ONCE int dns_make_long_key(struct __sk_buff *skb, __u32 payload, __u32 start)
{
	struct dns_work *work = dns_work();
	__u32 last;

	if (!work || start > DNS_NAME_MAX)
		return -1;
	last = work->name_bytes - start - 1;
	barrier_var(last);
	if (last >= DNS_NAME_MAX)
		return -1;
	__builtin_memset(&work->key, 0, sizeof(work->key));
	if (bpf_skb_load_bytes(skb, payload + sizeof(struct dns_header) + start, &work->key, last + 1) < 0)
		return -1;
	for (int i = 0; i < DNS_LONG_NAME / 8; i++)
		work->key.words[i] = lower_case(work->key.words[i]);
	return last + 1;
}

/* The name from a label's start on, in lower case, as a key; its length, or -1. */
VERIFIED_ONCE int dns_make_key(struct __sk_buff *skb, __u32 payload, __u32 start)
{
	struct dns_work *work = dns_work();
	__u32 last;

	if (!work || start > DNS_NAME_MAX)
		return -1;
	last = work->name_bytes - start - 1;
	barrier_var(last);
	if (last >= DNS_SHORT_NAME)
		return dns_make_long_key(skb, payload, start);
	__builtin_memset(&work->key, 0, sizeof(work->key.short_name));
	if (bpf_skb_load_bytes(skb, payload + sizeof(struct dns_header) + start, &work->key, last + 1) < 0)
		return -1;
	for (int i = 0; i < DNS_SHORT_NAME / 8; i++)
		work->key.words[i] = lower_case(work->key.words[i]);
	return last + 1;
}

/* Type, class and OPT behind the name; -1 unless they end the message. */
VERIFIED_ONCE int dns_read_tail(__u32 length)
{
	struct dns_work *work = dns_work();
	struct dns_question_tail *tail;
	struct dns_header *header;
	struct dns_opt *opt;
	__u32 at;

	if (!work)
		return -1;
	header = (struct dns_header *)work->reply;
	at = sizeof(struct dns_header) + work->name_bytes;
	if (at > sizeof(struct dns_header) + DNS_NAME_MAX)
		return -1;
	tail = (struct dns_question_tail *)(work->reply + at);
	if (tail->class != bpf_htons(DNS_IN))
		return -1;
	work->type = bpf_ntohs(tail->type);
	work->udp_bytes = 0;
	work->edns_flags = 0;
	at += sizeof(*tail);
	if (header->additionals == 0)
		return at == length ? 0 : -1;
	opt = (struct dns_opt *)(work->reply + at);
	/* One with options is answered in user space, which knows them. */
	if (at + sizeof(*opt) != length || opt->name || opt->type != bpf_htons(DNS_OPT) || opt->extended_rcode ||
	    opt->version || opt->length)
		return -1;
	work->udp_bytes = bpf_ntohs(opt->udp_bytes);
	if (work->udp_bytes < DNS_CLASSIC_BYTES)
		work->udp_bytes = DNS_CLASSIC_BYTES;
	work->edns_flags = opt->flags & bpf_htons(DNS_DO);
	return 0;
}

/* Reads a plain question for one name; -1 for anything else. `length` is the message's, found at `payload`. */
static __always_inline int dns_read_question(struct __sk_buff *skb, struct dns_work *work, __u32 payload, __u32 length)
{
	struct dns_header *header = (struct dns_header *)work->reply;
	__u64 bounded = length;

	if (bounded < sizeof(struct dns_header) + 1 + sizeof(struct dns_question_tail) || bounded > DNS_QUERY_MAX)
		return -1;
	if (bpf_skb_load_bytes(skb, payload, work->reply, bounded) < 0)
		return -1;
	work->flags = bpf_ntohs(header->flags);
	if ((work->flags & DNS_NOT_PLAIN) || header->questions != bpf_htons(1) || header->answers || header->authorities ||
	    (header->additionals && header->additionals != bpf_htons(1)))
		return -1;
	if (dns_walk_name() == 0 || dns_read_tail(length) < 0)
		return -1;
	return dns_make_key(skb, payload, 0) < 0 ? -1 : 0;
}
