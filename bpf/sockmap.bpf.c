// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The short way between two pods of one node: what one socket sends is put into the queue of the other, without
 * packets. Only for TCP connections through a Service that asks for it (docs/adr/0006-socket-shortcut.md).
 *
 * A socket takes part if its network namespace is a pod's, its address that pod's own, and the other end's address
 * another pod's of this node. The client enters when its handshake is done, before its last packet leaves; the server
 * joins it by the tuple, and each knows the other by cookie from then on. So what a pod can reach here is the socket
 * that it has shaken hands with, whatever addresses it forges.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/kernel.h"
#include "lib/maps.h"
#include "shared/shortcut.h"

#define AF_INET 2
#define SOL_SOCKET 1
#define SO_RCVBUF 8
#define SOCK_RCVBUF_LOCK 2
/* Bits of sk_user_data that are no address. */
#define USER_DATA_FLAGS 7ul

PINNED_LRU(shortcut_ends, struct tuple, struct shortcut_end, 16384);
PINNED(BPF_MAP_TYPE_SOCKHASH, shortcut_sockets, struct tuple, __u64, 16384, 0);
PINNED(BPF_MAP_TYPE_PERCPU_ARRAY, shortcut_counts, __u32, __u64, SHORTCUT_COUNTS, 0);

/* What an end needs with each message. Not shared with other loads: a socket keeps the program that it entered with. */
struct own_end {
	struct tuple peer;
	__u64 cookie;
	/* Bytes sent since the other end's queue was last seen empty, where the kernel does not count what is in it. */
	__u64 uncounted;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct own_end);
} shortcut_own SEC(".maps");

/* The kernel takes net.core.rmem_max where that is less, and doubles it. */
static const int receive_buffer = 4 << 20;

static __always_inline void count(__u32 what, __u64 amount)
{
	__u64 *counter = bpf_map_lookup_elem(&shortcut_counts, &what);

	if (counter)
		*counter += amount;
}

/* The pod whose own namespace and address the socket has. */
static __always_inline bool owns_address(__u64 netns, const struct address *addr)
{
	struct pod *pod = bpf_map_lookup_elem(&pods, &netns);

	return pod && address_equal(addr, address_is_v4(addr) ? &pod->v4 : &pod->v6);
}

/* NetworkPolicies judge packets, which the short way has none of. */
static __always_inline bool is_judged(const struct address *addr)
{
	struct pod_address key = { .addr = *addr };

	return bpf_map_lookup_elem(&policy_pods, &key) != NULL;
}

static __always_inline bool is_other_pod(__u64 netns, const struct address *addr)
{
	struct pod_address key = { .addr = *addr };
	__u64 *other = bpf_map_lookup_elem(&pod_addresses, &key);

	return other && *other != netns;
}

/* A v4-mapped socket of AF_INET6 is IPv4's. */
static __always_inline void own_tuple(struct tuple *own, const struct bpf_sock_ops *ctx)
{
	if (ctx->family == AF_INET) {
		address_from_v4(&own->src, ctx->local_ip4);
		address_from_v4(&own->dst, ctx->remote_ip4);
	} else {
		own->src.words[0] = ctx->local_ip6[0];
		own->src.words[1] = ctx->local_ip6[1];
		own->src.words[2] = ctx->local_ip6[2];
		own->src.words[3] = ctx->local_ip6[3];
		own->dst.words[0] = ctx->remote_ip6[0];
		own->dst.words[1] = ctx->remote_ip6[1];
		own->dst.words[2] = ctx->remote_ip6[2];
		own->dst.words[3] = ctx->remote_ip6[3];
	}
	own->sport = bpf_htons(ctx->local_port);
	own->dport = ctx->remote_port >> 16;
	own->proto = IPPROTO_TCP;
}

/* Whether the socket was connected through a Service that asks for the short way. */
static __always_inline bool is_asked_for(const struct tuple *own, __u64 cookie)
{
	struct peer_key key = { .cookie = cookie, .addr = own->dst, .port = own->dport, .proto = IPPROTO_TCP };
	struct peer *peer = bpf_map_lookup_elem(&peers, &key);

	return peer && peer->flags & PEER_SHORTCUT;
}

/*
 * What is on the short way counts as received, and the rest of the buffer must hold what the ordinary way's window
 * promises: both get half. A size that the application has set stays.
 */
static __always_inline void make_room(struct bpf_sock_ops *ctx, struct tcp_sock *tcp)
{
	int size = receive_buffer;

	if (!(BPF_CORE_READ_BITFIELD((struct sock *)tcp, sk_userlocks) & SOCK_RCVBUF_LOCK))
		bpf_setsockopt(ctx, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static __always_inline bool enter(struct bpf_sock_ops *ctx, struct tuple *own, const struct tuple *peer, __u64 cookie,
				  __u64 peer_cookie)
{
	struct shortcut_end end = { .cookie = cookie, .peer_cookie = peer_cookie };
	struct bpf_sock *sk = ctx->sk;
	struct own_end *state;
	struct tcp_sock *tcp;

	if (!sk)
		return false;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return false;
	state = bpf_sk_storage_get(&shortcut_own, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state)
		return false;
	state->peer = *peer;
	state->cookie = cookie;
	end.sock = (__u64)tcp;
	if (bpf_sock_hash_update(ctx, &shortcut_sockets, own, BPF_ANY))
		return false;
	if (bpf_map_update_elem(&shortcut_ends, own, &end, BPF_ANY))
		return false;
	make_room(ctx, tcp);
	return true;
}

static __always_inline void client_established(struct bpf_sock_ops *ctx, struct tuple *own)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct tuple peer;

	if (!is_asked_for(own, cookie))
		return;
	tuple_reverse(&peer, own);
	if (!enter(ctx, own, &peer, cookie, 0))
		count(SHORTCUT_REFUSED, 1);
}

static __always_inline void server_established(struct bpf_sock_ops *ctx, struct tuple *own)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct shortcut_end *client;
	struct tuple peer;

	tuple_reverse(&peer, own);
	client = bpf_map_lookup_elem(&shortcut_ends, &peer);
	if (!client || client->peer_cookie)
		return;
	if (!enter(ctx, own, &peer, cookie, client->cookie)) {
		count(SHORTCUT_REFUSED, 1);
		return;
	}
	client->peer_cookie = cookie;
	count(SHORTCUT_JOINED, 1);
}

SEC("sockops")
int shortcut_established(struct bpf_sock_ops *ctx)
{
	bool active = ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB;
	struct tuple own = {};
	__u64 netns;

	if (!active && ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	own_tuple(&own, ctx);
	netns = bpf_get_netns_cookie(ctx);
	if (!owns_address(netns, &own.src) || !is_other_pod(netns, &own.dst) || is_judged(&own.src) || is_judged(&own.dst))
		return 1;
	if (active)
		client_established(ctx, &own);
	else
		server_established(ctx, &own);
	return 1;
}

/* A field of the other end, which nothing keeps from ending: only true as long as its cookie is. */
#define READ(FIELD) ({ typeof(FIELD) value = 0; bpf_core_read(&value, sizeof(value), &FIELD); value; })

/* Data and no end of it can still come to a socket in these states: ESTABLISHED, FIN_WAIT1 and FIN_WAIT2. */
static __always_inline bool can_receive(__u8 state)
{
	return state == 1 || state == 4 || state == 5;
}

/* A socket whose data another layer encrypts (kTLS) reads no queue but its own. */
static __always_inline bool is_fit(struct tcp_sock *tcp, struct sock *other)
{
	struct tcp_sock *other_tcp = (struct tcp_sock *)other;

	return !tcp->inet_conn.icsk_ulp_ops && !READ(other_tcp->inet_conn.icsk_ulp_ops) &&
	       can_receive(READ(other->__sk_common.skc_state)) && READ(other->sk_rcvlowat) <= 1;
}

/* Kernels before 6.13 (and their later patches) do not count what is in the queue of the short way. */
static __always_inline bool queue_is_empty(struct sock *other)
{
	struct sk_psock *psock = (void *)((unsigned long)READ(other->sk_user_data) & ~USER_DATA_FLAGS);
	struct list_head *first = READ(psock->ingress_msg.next);

	return first == &psock->ingress_msg;
}

static __always_inline bool has_room(struct own_end *own, struct sock *other, __u32 size)
{
	__u64 queued = READ(other->sk_backlog.rmem_alloc.counter);

	if (queued == 0) {
		own->uncounted = queue_is_empty(other) ? 0 : own->uncounted + size;
		queued = own->uncounted;
	}
	return queued + size <= (__u64)READ(other->sk_rcvbuf) / 2;
}

static __always_inline int ordinary(enum shortcut_count reason)
{
	count(reason, 1);
	return SK_PASS;
}

/*
 * The receiver reads the short way's queue first. So nothing is put there while anything that was sent before, the
 * ordinary way, has not been read: all that was written is what the other application has copied.
 */
SEC("sk_msg")
int shortcut_send(struct sk_msg_md *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct shortcut_end *end;
	struct tcp_sock *tcp;
	struct own_end *own;
	struct sock *other;

	if (!sk)
		return SK_PASS;
	own = bpf_sk_storage_get(&shortcut_own, sk, NULL, 0);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!own || !tcp)
		return SK_PASS;
	end = bpf_map_lookup_elem(&shortcut_ends, &own->peer);
	if (!end || end->peer_cookie != own->cookie)
		return ordinary(SHORTCUT_NO_PEER);
	other = (struct sock *)end->sock;
	if (READ(other->__sk_common.skc_cookie.counter) != (__s64)end->cookie)
		return ordinary(SHORTCUT_NO_PEER);
	if (READ(((struct tcp_sock *)other)->copied_seq) != tcp->write_seq)
		return ordinary(SHORTCUT_BEHIND);
	if (!is_fit(tcp, other) || is_judged(&own->peer.src) || is_judged(&own->peer.dst))
		return ordinary(SHORTCUT_UNFIT);
	if (!has_room(own, other, ctx->size))
		return ordinary(SHORTCUT_NO_ROOM);
	/* Of a socket that has left it says to drop: the ordinary way ends in a reset, as it should. */
	if (bpf_msg_redirect_hash(ctx, &shortcut_sockets, &own->peer, BPF_F_INGRESS) != SK_PASS)
		return ordinary(SHORTCUT_NO_PEER);
	count(SHORTCUT_MESSAGES, 1);
	count(SHORTCUT_BYTES, ctx->size);
	return SK_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
