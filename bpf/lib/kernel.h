/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of the kernel's own structures, the fields that programs read. The order here means nothing: where each field is,
 * the kernel's type information says when a program is loaded.
 */
#pragma once
#include <linux/types.h>
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct sk_psock {
	struct list_head ingress_msg;
};

struct sock_common {
	unsigned char skc_state;
	struct {
		__s64 counter;
	} skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	struct {
		struct {
			int counter;
		} rmem_alloc;
	} sk_backlog;
	int sk_rcvbuf;
	int sk_rcvlowat;
	unsigned char sk_userlocks : 4;
	void *sk_user_data;
};

struct inet_connection_sock {
	const void *icsk_ulp_ops;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 write_seq;
	__u32 copied_seq;
};

#pragma clang attribute pop
