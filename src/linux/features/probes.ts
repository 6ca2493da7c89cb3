/** Ways to try a feature. Each succeeds silently, or throws what the kernel answered; nothing is left behind. */
import { accessSync, constants, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupMount, ensureCgroup, removeCgroup } from '../cgroup/cgroup.ts';
import { errno, isErrno, KernelError } from '../errno.ts';
import { AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET } from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { ensureBpffs, unmount } from '../mount/mount.ts';
import { concat, text } from '../netlink/attribute.ts';
import { openRouteNetlink } from '../netlink/kernel-route-netlink.ts';
import { encodeBareLink, RTM_NEWLINK } from '../netlink/link.ts';
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/message.ts';
import { NETLINK_GENERIC, NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts';
import { anonymousNetns, type NetnsHandle, withNetns } from '../netns/netns.ts';
import { nftProgram } from '../nftables/nft-program.ts';
import { attachType, programType, tryLink, withProgram } from './bpf-probe.ts';

export type Probe = () => void | Promise<void>;

const RTM_NEWQDISC = 36;
const TCA_KIND = 1;
const loopback = 1;

function inScratch(use: (netns: NetnsHandle) => void): void {
  using netns = anonymousNetns();
  use(netns);
}

/** A kind that exists complains of what is missing (EINVAL), or is made; only an unknown one is not supported. */
export function linkKind(kind: string): Probe {
  return () =>
    inScratch((netns) => {
      using socket = new NetlinkSocket(netns);
      const flags = NLM_F_CREATE | NLM_F_EXCL;
      try {
        const payload = encodeBareLink('probe', kind);
        socket.request({ type: RTM_NEWLINK, flags, payload, operation: 'add link of kind', object: kind });
      } catch (error) {
        if (isErrno(error, errno.EOPNOTSUPP)) throw error;
      }
    });
}

/** ENOENT is a queueing discipline that the kernel does not know; EINVAL one that wants parameters. */
export function queueingDiscipline(kind: string): Probe {
  return () =>
    inScratch((netns) => {
      using socket = new NetlinkSocket(netns);
      const [parent, handle] = kind === 'clsact' ? [0xfffffff1, 0xffff0000] : [0xffffffff, 0x10000];
      const header = new Uint8Array(20);
      new Uint32Array(header.buffer).set([0, loopback, handle, parent]);
      const payload = concat(header, [text(TCA_KIND, kind)]);
      const flags = NLM_F_CREATE | NLM_F_EXCL;
      try {
        socket.request({ type: RTM_NEWQDISC, flags, payload, operation: 'add qdisc', object: kind });
      } catch (error) {
        if (!isErrno(error, errno.EINVAL)) throw error;
      }
    });
}

export const tcx: Probe = () =>
  inScratch((netns) =>
    withProgram({ type: programType.schedCls }, (fd) =>
      withNetns(netns, () => tryLink(fd, { target: loopback, type: attachType.tcxIngress })),
    ),
  );

/** In the driver, on a veth: where pods' and the lab's packets arrive. */
export const xdp: Probe = () =>
  inScratch((netns) => {
    const XDP_FLAGS_DRV_MODE = 4;
    using netlink = openRouteNetlink(netns);
    const { index } = netlink.addLink({ kind: 'veth', name: 'a', peer: { name: 'b' } });
    withProgram({ type: programType.xdp }, (fd) =>
      withNetns(netns, () => tryLink(fd, { target: index, type: attachType.xdp, flags: XDP_FLAGS_DRV_MODE })),
    );
  });

export const cgroupSockAddr: Probe = () => {
  const { inet4Connect, inet6Connect, udp4Sendmsg, udp6Recvmsg, inet4Getpeername } = attachType;
  for (const expectedAttach of [inet4Connect, inet6Connect, udp4Sendmsg, udp6Recvmsg, inet4Getpeername]) {
    withProgram({ type: programType.cgroupSockAddr, expectedAttach }, () => {});
  }
};

export function program(type: number, expectedAttach?: number): Probe {
  return () => withProgram({ type, expectedAttach }, () => {});
}

export const cgroup2: Probe = async () => {
  const group = join(cgroupMount(), `tendril-probe-${process.pid}`);
  ensureCgroup(group);
  try {
    accessSync(join(group, 'cgroup.kill'), constants.W_OK);
  } finally {
    await removeCgroup(group);
  }
};

export const bpffs: Probe = () => {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-probe-'));
  try {
    ensureBpffs(directory);
    unmount(directory);
  } finally {
    rmdirSync(directory);
  }
};

/** A rule of the kinds that masquerading uses, for both families. */
export const nfTables: Probe = async () => {
  using netns = anonymousNetns();
  const chain = 'chain c {\ntype nat hook postrouting priority 100;\noifname "x" masquerade\n}';
  await nftProgram.apply(netns, `table ip probe {\n${chain}\n}\ntable ip6 probe {\n${chain}\n}\n`);
};

export function socketOf(family: 4 | 6, protocol = 0): Probe {
  return () => {
    const domain = family === 4 ? AF_INET : AF_INET6;
    const fd = libc.socket(domain, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    libc.close(libc.must(fd, `open IPv${family} socket of protocol`, String(protocol)));
  };
}

/** IPv6 may be there and switched off: then a fresh namespace's loopback has no ::1. */
export const ipv6: Probe = () =>
  inScratch((netns) => {
    socketOf(6)();
    using netlink = openRouteNetlink(netns);
    if (netlink.addresses({ link: loopback, family: 6 }).length > 0) return;
    throw new KernelError(errno.EAFNOSUPPORT, 'use', 'IPv6', {
      reason: 'disabled by net.ipv6.conf.default.disable_ipv6',
    });
  });

export function socketOption(option: number): Probe {
  return () => {
    const fd = libc.must(libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 'open socket');
    try {
      const value = new BigUint64Array(1);
      libc.must(
        libc.getsockopt(fd, SOL_SOCKET, option, value, Uint32Array.of(8)),
        'get socket option',
        String(option),
      );
    } finally {
      libc.close(fd);
    }
  };
}

/** A generic netlink family by name (CTRL_CMD_GETFAMILY); loads its module where there is one. */
export function genericFamily(name: string): Probe {
  return () => {
    using socket = new NetlinkSocket(undefined, NETLINK_GENERIC);
    const GENL_ID_CTRL = 16;
    const payload = concat(Uint8Array.of(3, 1, 0, 0), [text(2, name)]);
    socket.request({ type: GENL_ID_CTRL, payload, operation: 'find netlink family', object: name });
  };
}

/** A subsystem of nfnetlink, by a command that asks for no more than an answer. EINVAL: the kernel knows no such subsystem. */
export function netfilter(
  name: string,
  request: { subsystem: number; command: number; attributes?: Uint8Array },
): Probe {
  return () =>
    inScratch((netns) => {
      using socket = new NetlinkSocket(netns, NETLINK_NETFILTER);
      const payload = Buffer.concat([
        Uint8Array.of(AF_INET, 0, 0, 0),
        request.attributes ?? new Uint8Array(),
      ]);
      const type = (request.subsystem << 8) | request.command;
      socket.request({ type, payload, operation: 'use netfilter subsystem', object: name });
    });
}

export function readable(path: string): Probe {
  return () => accessSync(path, constants.R_OK);
}
