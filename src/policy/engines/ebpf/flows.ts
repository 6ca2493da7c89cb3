/** Connections of judged pods: the datapath only adds. Timeouts follow nf_conntrack's. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import type { TimeSlice } from '../../../util/time-slice.ts';
import { conntrackSeen, layouts, type PolicyFlow } from './generated/layouts.ts';

const second = 1_000_000_000n;
const timeouts = {
  tcpOpening: 120n * second,
  tcpEstablished: 86_400n * second,
  /** One side has sent FIN, or anybody a RST: whether it was taken is not known. */
  tcpClosing: 3_600n * second,
  /** Both have sent FIN, or the other side a RST before anything was answered. */
  tcpClosed: 60n * second,
  sctp: 210n * second,
  answered: 120n * second,
  unanswered: 30n * second,
};

/** How long the connection may be idle, ns. */
export function idleLimit(proto: number, { seen, answered }: Pick<PolicyFlow, 'seen' | 'answered'>): bigint {
  if (proto === protocolNumbers.SCTP) return timeouts.sctp;
  if (proto !== protocolNumbers.TCP) return answered ? timeouts.answered : timeouts.unanswered;
  const [here, there] = [seen[0]!, seen[1]!];
  if (here & there & conntrackSeen.SEEN_FIN) return timeouts.tcpClosed;
  if ((here | there) & (conntrackSeen.SEEN_FIN | conntrackSeen.SEEN_RST)) return timeouts.tcpClosing;
  return answered && here & conntrackSeen.SEEN_ACK ? timeouts.tcpEstablished : timeouts.tcpOpening;
}

/** Walks the map once. @returns how many remain */
export async function collectFlows(map: BpfMap, now: bigint, slice: TimeSlice): Promise<number> {
  let remaining = 0;
  for (const [key, value] of map.entries()) {
    if (isOver(key, value, now) && isOver(key, map.lookup(key), now)) map.delete(key);
    else remaining++;
    await slice.breathe();
  }
  return remaining;
}

function isOver(key: Uint8Array, value: Uint8Array | undefined, now: bigint): boolean {
  if (value === undefined) return false;
  const flow = layouts.policyFlow.decode(value);
  return now - flow.lastSeen > idleLimit(layouts.tuple.decode(key).proto, flow);
}
