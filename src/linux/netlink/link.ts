/** Links (network devices): RTM_NEWLINK and its kin, struct ifinfomsg (rtnetlink(7)). */

import { AF_BRIDGE } from '../ffi/constants.ts';
import {
  type Attribute,
  be16,
  concat,
  decodeAttributes,
  headerView,
  maybeU32,
  nested,
  raw,
  readText,
  text,
  u8,
  u32,
  when,
} from './attribute.ts';
import type { Link, LinkChange, NewLink } from './route-netlink.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFLA_BR_FORWARD_DELAY = 1;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_VXLAN_ID = 1;
const IFLA_VXLAN_LOCAL = 4;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_LOCAL6 = 17;
const IFLA_VXLAN_COLLECT_METADATA = 25;
/** Counters are half of an answer's bytes, and nobody here reads them. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;
const headerSize = 16;
/** Bridge times are in USER_HZ. */
const ticksPerSecond = 100;

function encodeHeader(header: { index?: number; up?: boolean }): Uint8Array {
  const bytes = new Uint8Array(headerSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, header.index ?? 0, true);
  if (header.up !== undefined) {
    view.setUint32(8, header.up ? IFF_UP : 0, true);
    view.setUint32(12, IFF_UP, true);
  }
  return bytes;
}

type Common = Omit<NewLink, 'kind'>;

/** Without what a link cannot be born with: an alias, and a veth's peer that is up. */
export function encodeNewLink(link: NewLink): Uint8Array {
  const info = [text(IFLA_INFO_KIND, link.kind), encodeKind(link)];
  return concat(encodeHeader({ up: link.up }), [...commonAttributes(link), nested(IFLA_LINKINFO, info)]);
}

/** A link of any kind with nothing said about it: what a kernel without that kind refuses with EOPNOTSUPP. */
export function encodeBareLink(name: string, kind: string): Uint8Array {
  const info = nested(IFLA_LINKINFO, [text(IFLA_INFO_KIND, kind)]);
  return concat(encodeHeader({}), [text(IFLA_IFNAME, name), info]);
}

function commonAttributes(link: Common): (Attribute | undefined)[] {
  return [
    text(IFLA_IFNAME, link.name),
    when(link.mtu, (mtu) => u32(IFLA_MTU, mtu)),
    when(link.mac, (mac) => raw(IFLA_ADDRESS, mac)),
    when(link.master, (master) => u32(IFLA_MASTER, master)),
    when(link.netns, ({ fd }) => u32(IFLA_NET_NS_FD, fd)),
  ];
}

function encodeKind(link: NewLink): Attribute | undefined {
  if (link.kind === 'veth') {
    const peer = concat(encodeHeader({}), commonAttributes(link.peer));
    return nested(IFLA_INFO_DATA, [raw(VETH_INFO_PEER, peer)]);
  }
  if (link.kind === 'bridge') {
    return nested(IFLA_INFO_DATA, [
      when(link.forwardDelay, (seconds) => u32(IFLA_BR_FORWARD_DELAY, seconds * ticksPerSecond)),
      when(link.multicastSnooping, (on) => u8(IFLA_BR_MCAST_SNOOPING, Number(on))),
    ]);
  }
  return link.kind === 'vxlan' ? nested(IFLA_INFO_DATA, vxlanAttributes(link)) : undefined;
}

function vxlanAttributes(link: NewLink & { kind: 'vxlan' }): (Attribute | undefined)[] {
  return [
    // A collect-metadata device takes every VNI.
    link.external ? u8(IFLA_VXLAN_COLLECT_METADATA, 1) : u32(IFLA_VXLAN_ID, link.vni),
    be16(IFLA_VXLAN_PORT, link.port),
    u8(IFLA_VXLAN_LEARNING, Number(link.learning)),
    when(link.local, (ip) => raw(ip.family === 4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, ip.bytes)),
  ];
}

/** By index, or by name: then the name is not among the changes. */
export function encodeLinkChange(which: number | string, change: LinkChange): Uint8Array {
  const name = typeof which === 'string' ? which : change.name;
  return concat(encodeHeader({ index: typeof which === 'number' ? which : 0, up: change.up }), [
    when(name, (value) => text(IFLA_IFNAME, value)),
    when(change.mtu, (mtu) => u32(IFLA_MTU, mtu)),
    when(change.mac, (mac) => raw(IFLA_ADDRESS, mac)),
    when(change.master, (master) => u32(IFLA_MASTER, master)),
    when(change.alias, (alias) => raw(IFLA_IFALIAS, Buffer.from(alias))),
    when(change.netns, ({ fd }) => u32(IFLA_NET_NS_FD, fd)),
  ]);
}

/** One link by name or index, or for a dump. */
export function encodeLinkQuery(which?: string | number): Uint8Array {
  const index = typeof which === 'number' ? which : 0;
  return concat(encodeHeader({ index }), [
    typeof which === 'string' ? text(IFLA_IFNAME, which) : undefined,
    u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS),
  ]);
}

export function encodeLinkDeletion(index: number): Uint8Array {
  return encodeHeader({ index });
}

/** @throws KernelError EBADMSG */
export function decodeLink(payload: Uint8Array): Link {
  const header = headerView(payload, headerSize);
  const attributes = decodeAttributes(payload.subarray(headerSize));
  const flags = header.getUint32(8, true);
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info && decodeAttributes(info).get(IFLA_INFO_KIND);
  const link: Link = {
    index: header.getUint32(4, true),
    name: readText(attributes.get(IFLA_IFNAME) ?? new Uint8Array()),
    kind: kind === undefined ? '' : readText(kind),
    mtu: maybeU32(attributes.get(IFLA_MTU)) ?? 0,
    mac: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? new Uint8Array(6)),
    up: (flags & IFF_UP) !== 0,
    running: (flags & IFF_LOWER_UP) !== 0 && (flags & IFF_UP) !== 0,
  };
  const master = maybeU32(attributes.get(IFLA_MASTER));
  const peer = maybeU32(attributes.get(IFLA_LINK));
  const peerNetnsId = maybeU32(attributes.get(IFLA_LINK_NETNSID));
  const alias = attributes.get(IFLA_IFALIAS);
  if (master !== undefined && master !== 0) link.master = master;
  if (peer !== undefined) link.peerIndex = peer;
  if (peerNetnsId !== undefined) link.peerNetnsId = peerNetnsId | 0;
  if (alias !== undefined) link.alias = readText(alias);
  return link;
}

/** True for a bridge's message about a port, which is not one about the link (AF_BRIDGE in the header). */
export function isBridgePort(payload: Uint8Array): boolean {
  return payload[0] === AF_BRIDGE;
}

export function describeNewLink(link: NewLink): string {
  return `${link.name} (${link.kind})`;
}
