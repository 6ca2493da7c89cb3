/** Connections that the kernel's conntrack translates (ctnetlink: linux/netfilter/nfnetlink_conntrack.h). */
import { type Ip, ipFromBytes } from '../../net/ip.ts';
import { concat, decodeAttributes, malformed, raw } from '../netlink/attribute.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '../netlink/socket.ts';
import type { NetnsHandle } from '../netns/netns.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_STATUS_MASK = 26;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const IPS_DST_NAT = 1 << 5;

/** One direction of a connection, as its packets are before translation. */
export interface ConntrackTuple {
  source: Ip;
  destination: Ip;
  /** IPPROTO_*. */
  protocol: number;
  /** 0 where the protocol has no ports. */
  sourcePort: number;
  destinationPort: number;
}

export interface TranslatedConnection {
  /** What the client sends. */
  original: ConntrackTuple;
  /** What is sent to it. */
  reply: ConntrackTuple;
}

/**
 * Connections whose destination is another one than the client asked for, of a namespace or of the thread's own. Read in
 * slices: there may be a hundred thousand of others.
 * @throws KernelError EPERM without CAP_NET_ADMIN
 */
export async function translatedConnections(netns?: NetnsHandle): Promise<TranslatedConnection[]> {
  using socket = new NetlinkSocket(netns, NETLINK_NETFILTER);
  const status = Uint8Array.of(0, 0, 0, IPS_DST_NAT);
  return await socket.dumpInSlices(
    {
      type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET,
      // struct nfgenmsg: of all families. A kernel that cannot choose by status (before 6.0) sends all.
      payload: concat(new Uint8Array(4), [raw(CTA_STATUS, status), raw(CTA_STATUS_MASK, status)]),
      operation: 'list translated connections of',
      object: netns?.path ?? 'own network namespace',
    },
    decodeTranslated,
  );
}

/** A connection of `struct nfgenmsg` and attributes; undefined where its destination is the one that was asked for. */
export function decodeTranslated(payload: Uint8Array): TranslatedConnection | undefined {
  const attributes = decodeAttributes(payload.subarray(4));
  const status = attributes.get(CTA_STATUS);
  if (status === undefined || (readBe32(status) & IPS_DST_NAT) === 0) return undefined;
  return {
    original: decodeTuple(attributes.get(CTA_TUPLE_ORIG)),
    reply: decodeTuple(attributes.get(CTA_TUPLE_REPLY)),
  };
}

function decodeTuple(bytes: Uint8Array | undefined): ConntrackTuple {
  const tuple = decodeAttributes(required(bytes));
  const ip = decodeAttributes(required(tuple.get(CTA_TUPLE_IP)));
  const proto = decodeAttributes(required(tuple.get(CTA_TUPLE_PROTO)));
  return {
    source: ipFromBytes(Uint8Array.from(required(ip.get(CTA_IP_V4_SRC) ?? ip.get(CTA_IP_V6_SRC)))),
    destination: ipFromBytes(Uint8Array.from(required(ip.get(CTA_IP_V4_DST) ?? ip.get(CTA_IP_V6_DST)))),
    protocol: required(proto.get(CTA_PROTO_NUM))[0]!,
    sourcePort: portOf(proto.get(CTA_PROTO_SRC_PORT)),
    destinationPort: portOf(proto.get(CTA_PROTO_DST_PORT)),
  };
}

function required(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined || bytes.length === 0) throw malformed('conntrack entry');
  return bytes;
}

/** Network order. */
const portOf = (bytes: Uint8Array | undefined): number =>
  bytes === undefined || bytes.length < 2 ? 0 : (bytes[0]! << 8) | bytes[1]!;

function readBe32(bytes: Uint8Array): number {
  if (bytes.length < 4) throw malformed('number');
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
