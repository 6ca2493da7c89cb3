/**
 * Removes ended connections: the datapath only adds. A connection is two entries, and both are judged together,
 * by what each side of it sent and when. Timeouts follow nf_conntrack's, with an established TCP connection's
 * as kube-proxy sets it (nf_conntrack_tcp_timeout_established, 24 h).
 */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import {
  type ConntrackEntry,
  conntrackFlags,
  conntrackSeen,
  layouts,
  type Tuple,
} from './generated/layouts.ts';

const second = 1_000_000_000n;
const timeouts = {
  tcpOpening: 60n * second,
  tcpEstablished: 86_400n * second,
  /** One side has sent FIN, or a RST that its receiver may take or not. */
  tcpClosing: 3_600n * second,
  /**
   * Both have, or one has sent RST: what is still on its way; and as long as the backend's TIME_WAIT lasts (60 s in
   * Linux), in which it may refuse another client's SYN on the tuple.
   */
  tcpClosed: 60n * second,
  udp: 30n * second,
  udpAnswered: 120n * second,
  /** Until the association is made, or while it is shut down. */
  sctpChanging: 3n * second,
  sctpEstablished: 210n * second,
  sctpClosed: 10n * second,
  /** A client has sent FIN, and what its backend sends takes another way: as IPVS, which does not see replies either. */
  dsrClosing: 120n * second,
};
/** No entry is younger than this when it goes. */
const shortest = timeouts.sctpChanging;

/** How long the connection may be idle, ns. `reply` is undefined while nothing is known of the other side. */
export function idleLimit(proto: number, forward: Flow, reply: Flow | undefined): bigint {
  const answered = (reply?.packets ?? 0n) > 0n;
  if (proto === protocolNumbers.UDP) return answered ? timeouts.udpAnswered : timeouts.udp;
  if (proto === protocolNumbers.SCTP) return sctpIdleLimit(forward, reply);
  const [here, there] = [forward.seen, reply?.seen ?? 0];
  if ((here | there) & conntrackSeen.SEEN_RST) return timeouts.tcpClosed;
  if (here & there & conntrackSeen.SEEN_FIN) return timeouts.tcpClosed;
  if ((here | there) & (conntrackSeen.SEEN_FIN | conntrackSeen.SEEN_RST_NEAR)) return timeouts.tcpClosing;
  return answered && here & conntrackSeen.SEEN_ACK ? timeouts.tcpEstablished : timeouts.tcpOpening;
}

/**
 * The other side of a connection whose backend answers the client itself, which only the backend's node sees: a client
 * that goes on after its first packet is thought to have been answered. Undefined for other connections.
 */
export function assumedReply(forward: ConntrackEntry): Flow | undefined {
  if ((forward.flags & conntrackFlags.CONNTRACK_DSR) === 0) return undefined;
  return { seen: 0, packets: forward.packets, lastSeen: forward.lastSeen };
}

function directIdleLimit(proto: number, forward: ConntrackEntry): bigint {
  const limit = idleLimit(proto, forward, assumedReply(forward));
  return limit === timeouts.tcpClosing ? timeouts.dsrClosing : limit;
}

/** Phases are in TCP's words, see bpf/lib/sctp.h. */
function sctpIdleLimit(forward: Flow, reply: Flow | undefined): bigint {
  const both = forward.seen | (reply?.seen ?? 0);
  if (both & conntrackSeen.SEEN_RST) return timeouts.sctpClosed;
  if (both & conntrackSeen.SEEN_FIN) return timeouts.sctpChanging;
  const answered = (reply?.packets ?? 0n) > 0n;
  return answered && forward.seen & conntrackSeen.SEEN_ACK ? timeouts.sctpEstablished : timeouts.sctpChanging;
}

/**
 * Whether the connection goes first where there is no room: what its two ends have not agreed on, that of datagrams by
 * more than a question and its answer. As nf_conntrack drops early what is not assured.
 */
export function isUnsure(proto: number, forward: Flow, reply: Flow | undefined): boolean {
  if ((reply?.packets ?? 0n) === 0n) return true;
  // The first packet is not counted.
  if (proto === protocolNumbers.UDP) return forward.packets === 0n;
  return (forward.seen & conntrackSeen.SEEN_ACK) === 0;
}

/** What one side of a connection sent. */
export type Flow = Pick<ConntrackEntry, 'seen' | 'packets' | 'lastSeen'>;

interface Walk {
  /** CLOCK_MONOTONIC, ns. */
  now: bigint;
  /** New connections find no room: what is unsure goes after `shortest`. */
  full?: boolean;
}

/**
 * Walks the map once.
 * @returns entries that remain
 */
export async function collectConntrack(map: BpfMap, walk: Walk, slice = new TimeSlice()): Promise<number> {
  let remaining = 0;
  for (const [key, value] of map.entries()) {
    remaining++;
    if (walk.now - lastSeenOf(value) > shortest) remaining -= judge(map, key, walk);
    await slice.breathe();
  }
  return remaining;
}

function lastSeenOf(value: Uint8Array): bigint {
  const at = layouts.conntrackEntry.offsetOf('lastSeen');
  return new DataView(value.buffer, value.byteOffset).getBigUint64(at, true);
}

/**
 * Removes the connection if it is over, or the entry if it is half of one; how many of it this entry counts for. By
 * what the map says now: entries come thousands at once, and since they were read a new connection may have the tuple.
 */
function judge(map: BpfMap, key: Uint8Array, { now, full = false }: Walk): number {
  const value = map.lookup(key);
  if (value === undefined) return 1;
  if (now - lastSeenOf(value) <= shortest) return 0;
  const tuple = layouts.tuple.decode(key);
  const entry = layouts.conntrackEntry.decode(value);
  if ((entry.flags & conntrackFlags.CONNTRACK_DSR) !== 0) {
    const unsure = full && isUnsure(tuple.proto, entry, assumedReply(entry));
    if (now - entry.lastSeen <= (unsure ? shortest : directIdleLimit(tuple.proto, entry))) return 0;
    return map.delete(key) ? 1 : 0;
  }
  const otherKey = layouts.tuple.encode(otherTuple(tuple, entry));
  const otherValue = map.lookup(otherKey);
  const other = otherValue && layouts.conntrackEntry.decode(otherValue);
  if (other === undefined) return isStill(map, key, entry) && map.delete(key) ? 1 : 0;
  const isReply = (entry.flags & conntrackFlags.CONNTRACK_REPLY) !== 0;
  const [forward, reply] = isReply ? [other, entry] : [entry, other];
  const last = forward.lastSeen > reply.lastSeen ? forward.lastSeen : reply.lastSeen;
  const unsure = full && isUnsure(tuple.proto, forward, reply);
  if (now - last <= (unsure ? shortest : idleLimit(tuple.proto, forward, reply))) return 0;
  // The client's side first: a packet that comes in between begins a new connection rather than half of one.
  map.delete(isReply ? otherKey : key);
  map.delete(isReply ? key : otherKey);
  return 1;
}

/** While the other half was looked for, a new connection may have taken the tuple. */
function isStill(map: BpfMap, key: Uint8Array, { lastSeen }: ConntrackEntry): boolean {
  const value = map.lookup(key);
  return value !== undefined && layouts.conntrackEntry.decode(value).lastSeen === lastSeen;
}

/** Key of the other direction; see bpf/shared/conntrack.h. Of a connection that is DSR there is none. */
export function otherTuple(tuple: Tuple, entry: ConntrackEntry): Tuple {
  if ((entry.flags & conntrackFlags.CONNTRACK_DIRECT) !== 0)
    return { src: tuple.dst, dst: tuple.src, sport: tuple.dport, dport: tuple.sport, proto: tuple.proto };
  return {
    src: entry.newDst,
    dst: entry.newSrc,
    sport: entry.newDport,
    dport: entry.newSport,
    proto: tuple.proto,
  };
}
