// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Services at the socket: connect() and sendmsg() get a backend's address before a packet exists, so that no
 * packet needs translation; recvmsg() and getpeername() give the name that the application used.
 *
 * Addresses are 16 bytes for both families. A v4-mapped address on an AF_INET6 socket is IPv4, and the
 * unspecified address as a destination means loopback, as the kernel has it.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include "lib/addr.h"
#include "lib/lb.h"
#include "lib/maps.h"
#include "lib/service-cidr.h"

#define ECONNREFUSED 111
#define PROCEED 1
#define REFUSE 0

struct target {
	struct address addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

static __always_inline void target_v4(struct target *target, struct bpf_sock_addr *ctx)
{
	__be32 ip = ctx->user_ip4;

	address_from_v4(&target->addr, ip ? ip : bpf_htonl(0x7f000001));
	target->port = ctx->user_port;
	target->proto = ctx->protocol;
}

static __always_inline void target_v6(struct target *target, struct bpf_sock_addr *ctx)
{
	target->addr.words[0] = ctx->user_ip6[0];
	target->addr.words[1] = ctx->user_ip6[1];
	target->addr.words[2] = ctx->user_ip6[2];
	target->addr.words[3] = ctx->user_ip6[3];
	if (address_is_zero(&target->addr))
		target->addr.words[3] = bpf_htonl(1);
	else if (address_is_v4(&target->addr) && target->addr.words[3] == 0)
		target->addr.words[3] = bpf_htonl(0x7f000001);
	target->port = ctx->user_port;
	target->proto = ctx->protocol;
}

static __always_inline void write_v4(struct bpf_sock_addr *ctx, const struct address *addr, __be16 port)
{
	ctx->user_ip4 = addr->words[3];
	ctx->user_port = port;
}

static __always_inline void write_v6(struct bpf_sock_addr *ctx, const struct address *addr, __be16 port)
{
	ctx->user_ip6[0] = addr->words[0];
	ctx->user_ip6[1] = addr->words[1];
	ctx->user_ip6[2] = addr->words[2];
	ctx->user_ip6[3] = addr->words[3];
	ctx->user_port = port;
}

/* Loopback in a pod is the pod's own; only the node's namespace has NodePorts there. */
static __always_inline bool in_node_namespace(struct bpf_sock_addr *ctx)
{
	__u32 zero = 0;
	struct node_config *config = bpf_map_lookup_elem(&node_config, &zero);

	return config && bpf_get_netns_cookie(ctx) == config->netns_cookie;
}

static __always_inline struct frontend *target_frontend(struct bpf_sock_addr *ctx, const struct target *target)
{
	struct frontend *frontend = frontend_lookup(&target->addr, target->port, target->proto);

	if (frontend && (frontend->flags & FRONTEND_LOOPBACK) && !in_node_namespace(ctx))
		return NULL;
	/* A socket has no address yet: its packets are judged at the pod's veth or the uplink. */
	if (frontend && (frontend->flags & FRONTEND_SOURCE_RANGES))
		return NULL;
	return frontend;
}

/*
 * Who a socket is, which has no address yet: the address that its packets would come from, so that it and packets that
 * are translated one by one are one client. A namespace of no pod is known by its cookie.
 */
static __always_inline void client_identify(struct client *client, struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);
	struct pod *pod = bpf_map_lookup_elem(&pods, &cookie);
	__u32 zero = 0;
	struct node_config *config;

	if (pod) {
		client->addr = client->is_v6 ? pod->v6 : pod->v4;
	} else {
		config = bpf_map_lookup_elem(&node_config, &zero);
		if (config && config->netns_cookie == cookie)
			client->addr = client->is_v6 ? config->snat6 : config->snat4;
	}
	if (address_is_zero(&client->addr))
		client->addr.halves[0] = cookie;
}

/* A backend for a socket; without affinity, what tells connections apart is the socket itself. */
static __always_inline struct backend *target_backend(struct bpf_sock_addr *ctx, const struct target *target,
						      const struct frontend *frontend, __u32 *id)
{
	struct client client = { .is_v6 = !address_is_v4(&target->addr) };

	if (frontend->flags & FRONTEND_AFFINITY)
		client_identify(&client, ctx);
	else if (frontend->flags & FRONTEND_MAGLEV)
		client.addr.halves[0] = bpf_get_socket_cookie(ctx);
	return backend_choose(frontend, &frontend->internal, &client, id);
}

/* A datagram socket too has a state: TCP_ESTABLISHED once it is connected. */
static __always_inline bool is_connected(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk && sk->state == BPF_TCP_ESTABLISHED;
}

static __always_inline void peer_key_init(struct peer_key *key, __u64 cookie, const struct target *target,
					  __u8 forward)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = cookie;
	key->addr = target->addr;
	key->port = target->port;
	key->proto = target->proto;
	key->forward = forward;
}

/* What the socket calls a backend: of its connections in one map, of its datagrams in another. */
static __always_inline struct peer *peer_name(const struct peer_key *key)
{
	if (key->proto == IPPROTO_UDP)
		return bpf_map_lookup_elem(&flows, key);
	return bpf_map_lookup_elem(&peers, key);
}

/* The socket turns to the address itself: whatever answers from there is no Service to it any more. */
static __always_inline void name_forget(__u64 cookie, const struct target *target)
{
	struct peer_key key;

	peer_key_init(&key, cookie, target, 0);
	if (!peer_name(&key))
		return;
	if (key.proto == IPPROTO_UDP)
		bpf_map_delete_elem(&flows, &key);
	else
		bpf_map_delete_elem(&peers, &key);
}

/* With what was chosen, so that user space can end the socket when it outlives its backend. */
static __always_inline void peer_remember(__u64 cookie, const struct target *frontend, const struct backend *backend,
					  __u32 id, __u16 flags)
{
	struct target behind = { .addr = backend->addr, .port = backend->port, .proto = frontend->proto };
	struct peer name = { .addr = frontend->addr, .port = frontend->port, .flags = flags };
	struct peer_key key;

	name.backend_id = id;
	name.generation = backend->generation;
	peer_key_init(&key, cookie, &behind, 0);
	if (key.proto == IPPROTO_UDP)
		bpf_map_update_elem(&flows, &key, &name, BPF_ANY);
	else
		bpf_map_update_elem(&peers, &key, &name, BPF_ANY);
}

/* The backend that this socket's earlier datagrams to the frontend went to, while it serves. */
static __always_inline struct backend *backend_of_flow(const struct peer_key *key, __u32 *id)
{
	struct peer *choice = bpf_map_lookup_elem(&flows, key);

	if (!choice)
		return NULL;
	*id = choice->backend_id;
	return backend_still(choice->backend_id, choice->generation);
}

/*
 * Of two names of one backend, the one used last is what its answers bear. A connected socket hears from one address
 * alone, under the name that it connected to, whatever it sends elsewhere.
 */
static __always_inline void name_used(struct bpf_sock_addr *ctx, const struct target *frontend,
				      const struct backend *backend, __u32 id)
{
	struct target behind = { .addr = backend->addr, .port = backend->port, .proto = frontend->proto };
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct peer_key key;
	struct peer *name;

	if (is_connected(ctx))
		return;
	peer_key_init(&key, cookie, &behind, 0);
	name = peer_name(&key);
	if (!name || name->backend_id != id || name->generation != backend->generation ||
	    name->port != frontend->port || !address_equal(&name->addr, &frontend->addr))
		peer_remember(cookie, frontend, backend, id, 0);
}

static __always_inline void flow_remember(const struct peer_key *key, const struct backend *backend, __u32 id)
{
	struct peer choice = { .addr = backend->addr, .port = backend->port };

	choice.backend_id = id;
	choice.generation = backend->generation;
	bpf_map_update_elem(&flows, key, &choice, BPF_ANY);
}

static __always_inline int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

/*
 * No endpoint anywhere is refused. Where there are some, out of the policy's scope, the packets are dropped in silence,
 * as kube-proxy does: they are let go, and the pod's veth or the uplink ends them with their reason.
 */
static __always_inline int turn_away(const struct frontend *frontend)
{
	return frontend->flags & FRONTEND_DROP_INTERNAL ? PROCEED : refuse();
}

/*
 * A port that a ClusterIP does not serve, as the refusal of its first packet would tell. Only TCP's connect() sends one:
 * others learn of it by their packets, at the pod's veth or the uplink; so do those to an address that no Service has.
 */
static __always_inline int leave_unserved(const struct target *target)
{
	struct frontend *address;

	if (target->proto != IPPROTO_TCP || !is_service_address(&target->addr))
		return PROCEED;
	address = address_lookup(&target->addr);
	return address && address->kind == FRONTEND_CLUSTER_ADDRESS ? refuse() : PROCEED;
}

/* Replaces the target by a backend. PROCEED with *chosen unset where it is no Service. */
static __always_inline int translate_connect(struct bpf_sock_addr *ctx, struct target *target, bool *chosen)
{
	struct frontend *frontend = target_frontend(ctx, target);
	struct backend *backend;
	__u32 id = 0;

	if (!frontend) {
		name_forget(bpf_get_socket_cookie(ctx), target);
		return leave_unserved(target);
	}
	if (draining())
		return PROCEED;
	backend = target_backend(ctx, target, frontend, &id);
	if (!backend)
		return turn_away(frontend);
	peer_remember(bpf_get_socket_cookie(ctx), target, backend, id,
		      frontend->flags & FRONTEND_SHORTCUT ? PEER_SHORTCUT : 0);
	target->addr = backend->addr;
	target->port = backend->port;
	*chosen = true;
	return PROCEED;
}

/* As connect, but datagrams of one socket to one frontend stay together, as a conntrack entry would have them. */
static __always_inline int translate_sendmsg(struct bpf_sock_addr *ctx, struct target *target, bool *chosen)
{
	struct frontend *frontend = target_frontend(ctx, target);
	__u64 cookie = bpf_get_socket_cookie(ctx);
	struct backend *backend;
	struct peer_key key;
	__u32 id = 0;

	if (!frontend) {
		if (!is_connected(ctx))
			name_forget(cookie, target);
		return PROCEED;
	}
	peer_key_init(&key, cookie, target, 1);
	backend = backend_of_flow(&key, &id);
	if (!backend) {
		if (draining())
			return PROCEED;
		backend = target_backend(ctx, target, frontend, &id);
		if (!backend)
			return turn_away(frontend);
		flow_remember(&key, backend, id);
	}
	name_used(ctx, target, backend, id);
	target->addr = backend->addr;
	target->port = backend->port;
	*chosen = true;
	return PROCEED;
}

/* The name of the peer as the application knows it. */
static __always_inline bool translate_back(struct bpf_sock_addr *ctx, struct target *target)
{
	struct peer_key key;
	struct peer *name;

	peer_key_init(&key, bpf_get_socket_cookie(ctx), target, 0);
	name = peer_name(&key);
	if (!name)
		return false;
	target->addr = name->addr;
	target->port = name->port;
	return true;
}

SEC("cgroup/connect4")
int sock_connect4(struct bpf_sock_addr *ctx)
{
	struct target target = {};
	bool chosen = false;
	int verdict;

	target_v4(&target, ctx);
	verdict = translate_connect(ctx, &target, &chosen);
	if (chosen)
		write_v4(ctx, &target.addr, target.port);
	return verdict;
}

SEC("cgroup/connect6")
int sock_connect6(struct bpf_sock_addr *ctx)
{
	struct target target = {};
	bool chosen = false;
	int verdict;

	target_v6(&target, ctx);
	verdict = translate_connect(ctx, &target, &chosen);
	if (chosen)
		write_v6(ctx, &target.addr, target.port);
	return verdict;
}

SEC("cgroup/sendmsg4")
int sock_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct target target = {};
	bool chosen = false;
	int verdict;

	target_v4(&target, ctx);
	verdict = translate_sendmsg(ctx, &target, &chosen);
	if (chosen)
		write_v4(ctx, &target.addr, target.port);
	return verdict;
}

SEC("cgroup/sendmsg6")
int sock_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct target target = {};
	bool chosen = false;
	int verdict;

	target_v6(&target, ctx);
	verdict = translate_sendmsg(ctx, &target, &chosen);
	if (chosen)
		write_v6(ctx, &target.addr, target.port);
	return verdict;
}

static __always_inline int name_back_v4(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	target_v4(&target, ctx);
	if (translate_back(ctx, &target))
		write_v4(ctx, &target.addr, target.port);
	return PROCEED;
}

static __always_inline int name_back_v6(struct bpf_sock_addr *ctx)
{
	struct target target = {};

	target_v6(&target, ctx);
	if (translate_back(ctx, &target))
		write_v6(ctx, &target.addr, target.port);
	return PROCEED;
}

SEC("cgroup/recvmsg4")
int sock_recvmsg4(struct bpf_sock_addr *ctx)
{
	return name_back_v4(ctx);
}

SEC("cgroup/recvmsg6")
int sock_recvmsg6(struct bpf_sock_addr *ctx)
{
	return name_back_v6(ctx);
}

SEC("cgroup/getpeername4")
int sock_getpeername4(struct bpf_sock_addr *ctx)
{
	return name_back_v4(ctx);
}

SEC("cgroup/getpeername6")
int sock_getpeername6(struct bpf_sock_addr *ctx)
{
	return name_back_v6(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
