// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Turns each IPv4 question back to its asker as it is, but for the bits that say it is an answer: no answer can cost less. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct question {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
} __attribute__((packed));

SEC("tc")
int reflect(struct __sk_buff *skb)
{
	struct question *packet;
	__u8 mac[6];
	__be32 addr;
	__be16 port;

	if (bpf_skb_pull_data(skb, sizeof(*packet)) < 0)
		return TC_ACT_UNSPEC;
	packet = (void *)(long)skb->data;
	if ((void *)(packet + 1) > (void *)(long)skb->data_end || packet->eth.h_proto != bpf_htons(ETH_P_IP) ||
	    packet->ip.ihl != 5 || packet->ip.protocol != IPPROTO_UDP || packet->udp.dest != bpf_htons(53))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(mac, packet->eth.h_dest, 6);
	__builtin_memcpy(packet->eth.h_dest, packet->eth.h_source, 6);
	__builtin_memcpy(packet->eth.h_source, mac, 6);
	addr = packet->ip.saddr;
	packet->ip.saddr = packet->ip.daddr;
	packet->ip.daddr = addr;
	port = packet->udp.source;
	packet->udp.source = packet->udp.dest;
	packet->udp.dest = port;
	packet->udp.check = 0;
	packet->flags |= bpf_htons(0x8400);
	packet->answers = bpf_htons(1);
	return bpf_redirect_peer(skb->ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
