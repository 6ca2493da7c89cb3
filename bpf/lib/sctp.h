/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SCTP (RFC 9260): phases of an association, and its checksum. That is a CRC32c of the whole packet (appendix A), yet no
 * payload is read: a CRC is linear, so that a change of the ports alters it by the CRC of that change followed by as
 * many zeros as bytes follow, which is one multiplication for each bit of their number. A wrong checksum stays wrong
 * by as much. Addresses are not covered, there is no pseudo header.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include "lib/packet.h"

struct sctp_header {
	__be16 sport;
	__be16 dport;
	__be32 tag;
	__le32 checksum;
	/* Of the first chunk, which every packet has. */
	__u8 chunk;
	__u8 chunk_flags;
	__be16 chunk_length;
};

enum sctp_chunk {
	SCTP_INIT = 1,
	SCTP_INIT_ACK = 2,
	SCTP_ABORT = 6,
	SCTP_SHUTDOWN = 7,
	SCTP_SHUTDOWN_ACK = 8,
	SCTP_SHUTDOWN_COMPLETE = 14,
};

/* What a chunk is to the connection, in TCP's words. */
static __always_inline __u8 sctp_phase(__u8 chunk)
{
	switch (chunk) {
	case SCTP_INIT:
		return TCP_SYN;
	case SCTP_INIT_ACK:
		return TCP_SYN | TCP_ACK;
	case SCTP_SHUTDOWN:
	case SCTP_SHUTDOWN_ACK:
		return TCP_FIN | TCP_ACK;
	case SCTP_ABORT:
	case SCTP_SHUTDOWN_COMPLETE:
		return TCP_RST;
	}
	return TCP_ACK;
}

/* CRC32c's polynomial, and values of its field, bits reversed: the highest bit is x^0. */
#define CRC32C_POLYNOMIAL 0x82f63b78

/* A product in GF(2)[x] modulo the polynomial. */
VERIFIED_ONCE __u32 crc32c_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

	for (int i = 0; i < 32; i++) {
		product ^= a >> 31 ? b : 0;
		a <<= 1;
		b = b >> 1 ^ (b & 1 ? CRC32C_POLYNOMIAL : 0);
	}
	return product;
}

/* x^(8 * 2^bit): what 2^bit bytes of zeros multiply by. */
static __always_inline __u32 crc32c_zeros(int bit)
{
	const __u32 powers[] = {
		0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
		0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
	};

	return powers[bit];
}

/* How the CRC of `length` bytes changes when the first four change by `difference` (as they lie in memory). */
VERIFIED_ONCE __u32 crc32c_difference(__u32 difference, __u16 length)
{
#pragma unroll
	for (int bit = 0; bit < 16; bit++)
		if (length >> bit & 1)
			difference = crc32c_multiply(difference, crc32c_zeros(bit));
	return difference;
}

/*
 * Zero stays zero: it is none (RFC 9653), or one that the kernel or the network card has yet to compute.
 */
static __always_inline int sctp_checksum_adjust(struct __sk_buff *skb, const struct packet *packet, __u32 difference)
{
	__u32 at = packet->l4 + offsetof(struct sctp_header, checksum), checksum;

	if (bpf_skb_load_bytes(skb, at, &checksum, sizeof(checksum)) < 0)
		return -1;
	if (checksum == 0)
		return 0;
	checksum ^= crc32c_difference(difference, packet->length - (packet->l4 - packet->l3));
	return bpf_skb_store_bytes(skb, at, &checksum, sizeof(checksum), BPF_F_RECOMPUTE_CSUM);
}

/* A first fragment's checksum is of more than it says: its ports cannot be rewritten. */
static __always_inline int sctp_rewrite_port(struct __sk_buff *skb, const struct packet *packet, __u32 field,
					     __be16 old, __be16 new)
{
	__u32 difference = (__u32)(old ^ new) << (8 * field);

	if (packet->fragment == FRAGMENT_FIRST)
		return -1;
	if (!packet->is_quote && sctp_checksum_adjust(skb, packet, difference) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, packet->l4 + field, &new, sizeof(new), BPF_F_RECOMPUTE_CSUM);
}
