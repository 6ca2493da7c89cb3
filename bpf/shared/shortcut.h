/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections between two pods of this node whose data goes from socket to socket. Both ends of one are found by
 * its tuple as each of them sees it: `src` is the end's own address.
 */
#pragma once
#include "shared/addr.h"

/* One end, under its own tuple. */
struct shortcut_end {
	/* Where the kernel has the socket: to be read with care, it may be gone. */
	__u64 sock;
	/* Socket cookies of this end and of the one that it shook hands with, 0 as long as that is not known. */
	__u64 cookie;
	__u64 peer_cookie;
	__u8 reserved[8];
};

enum shortcut_count {
	/* Connections whose two ends were joined. */
	SHORTCUT_JOINED = 0,
	/* Bytes and messages that went the short way. */
	SHORTCUT_BYTES = 1,
	SHORTCUT_MESSAGES = 2,
	/* Messages of joined sockets that went the ordinary way, by the reason. */
	SHORTCUT_NO_PEER = 3,
	SHORTCUT_BEHIND = 4,
	SHORTCUT_NO_ROOM = 5,
	SHORTCUT_UNFIT = 6,
	/* Ends for which there was no room in the maps. */
	SHORTCUT_REFUSED = 7,
	SHORTCUT_COUNTS = 8,
};
