/** Connections of judged pods: the datapath only adds. Timeouts follow nf_conntrack's. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import type { TimeSlice } from '../../../util/time-slice.ts';
import type { PodConnection } from '../../policy-engine.ts';
import { conntrackSeen, layouts, type PolicyFlow } from './generated/layouts.ts';

type Endpoint = PodConnection['client'];

const second = 1_000_000_000n;
const timeouts = {
  tcpOpening: 120n * second,
  tcpEstablished: 86_400n * second,
  /** One side has sent FIN. */
  tcpClosing: 3_600n * second,
  /** Both have, or one a RST. Where that was not taken the next packet says so. */
  tcpClosed: 60n * second,
  sctp: 210n * second,
  /** A question, and its answer. */
  exchange: 30n * second,
  stream: 120n * second,
};
/** While there is hardly any room, what nobody has answered is over after this. */
const unanswered = 3n * second;

/** How long the connection may be idle, ns. */
export function idleLimit(
  proto: number,
  flow: Pick<PolicyFlow, 'seen' | 'answered'>,
  crowded = false,
): bigint {
  if (crowded && !flow.answered) return unanswered;
  if (proto === protocolNumbers.SCTP) return timeouts.sctp;
  if (proto !== protocolNumbers.TCP) return flow.answered > 1 ? timeouts.stream : timeouts.exchange;
  const [here, there] = [flow.seen[0]!, flow.seen[1]!];
  if ((here | there) & conntrackSeen.SEEN_RST || here & there & conntrackSeen.SEEN_FIN)
    return timeouts.tcpClosed;
  if ((here | there) & conntrackSeen.SEEN_FIN) return timeouts.tcpClosing;
  return flow.answered && here & conntrackSeen.SEEN_ACK ? timeouts.tcpEstablished : timeouts.tcpOpening;
}

export function flowKey(client: Endpoint, server: Endpoint): Uint8Array {
  return layouts.tuple.encode({
    ...{ src: client.ip, sport: client.port, dst: server.ip, dport: server.port },
    proto: protocolNumbers.TCP,
  });
}

/** Of a TCP connection that goes on. */
export function openFlow(): PolicyFlow {
  const seen = conntrackSeen.SEEN_SYN | conntrackSeen.SEEN_ACK;
  const lastSeen = process.hrtime.bigint();
  return { lastSeen, judged: [0, 0], seen: Uint8Array.of(seen, seen), answered: 2, fromNode: 0 };
}

interface Walk {
  /** CLOCK_MONOTONIC, ns. */
  now: bigint;
  /** The map is nearly full. */
  crowded: boolean;
}

/** Walks the map once. @returns how many remain */
export async function collectFlows(map: BpfMap, walk: Walk, slice: TimeSlice): Promise<number> {
  let remaining = 0;
  for (const [key, value] of map.entries()) {
    if (isOver(key, value, walk) && isOver(key, map.lookup(key), walk)) map.delete(key);
    else remaining++;
    await slice.breathe();
  }
  return remaining;
}

function isOver(key: Uint8Array, value: Uint8Array | undefined, { now, crowded }: Walk): boolean {
  if (value === undefined) return false;
  const flow = layouts.policyFlow.decode(value);
  return now - flow.lastSeen > idleLimit(layouts.tuple.decode(key).proto, flow, crowded);
}
