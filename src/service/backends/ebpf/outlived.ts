/** What outlived its backend: sockets and connections that the maps know of. Reads only. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { formatIp } from '../../../net/ip.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import { otherTuple } from './conntrack-gc.ts';
import { conntrackFlags, layouts, type Tuple } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';

/** Of a backend, whenever it was chosen: its number is given again only with another generation. */
interface Chosen {
  backendId: number;
  generation: number;
}

/** Whether a backend that was chosen once serves still; asks the map for each one once. */
export function servingBackends(backends: BpfMap): (chosen: Chosen) => boolean {
  const known = new Map<number, number | undefined>();
  return ({ backendId, generation }) => {
    if (!known.has(backendId)) known.set(backendId, generationOf(backends, backendId));
    return known.get(backendId) === generation;
  };
}

function generationOf(backends: BpfMap, id: number): number | undefined {
  const value = backends.lookup(indexKey(id));
  return value && layouts.backend.decode(value).generation;
}

/**
 * The sockets in `peers` or `flows` that talk to a backend which serves no more: its address by their cookies.
 * @param addresses only to these
 */
export async function outlivedSockets(
  map: BpfMap,
  serves: (chosen: Chosen) => boolean,
  addresses?: ReadonlySet<string>,
): Promise<Map<bigint, string>> {
  const found = new Map<bigint, string>();
  const slice = new TimeSlice();
  for (const [key, value] of map.entries()) {
    await slice.breathe();
    const { cookie, addr, forward } = layouts.peerKey.decode(key);
    const chosen = layouts.peer.decode(value);
    if (forward !== 0 || chosen.backendId === 0 || serves(chosen)) continue;
    const address = formatIp(addr);
    if (addresses === undefined || addresses.has(address)) found.set(cookie, address);
  }
  return found;
}

/** A translated connection, and the address of its backend. */
interface OutlivedConnection {
  address: string;
  tuples: readonly [client: Tuple, reply: Tuple];
}

/** Translated TCP and SCTP connections to these addresses whose backend serves no more. */
export async function outlivedConnections(
  conntrack: BpfMap,
  serves: (chosen: Chosen) => boolean,
  addresses: ReadonlySet<string>,
): Promise<OutlivedConnection[]> {
  const found: OutlivedConnection[] = [];
  const slice = new TimeSlice();
  for (const [key, value] of conntrack.entries()) {
    await slice.breathe();
    const tuple = layouts.tuple.decode(key);
    const entry = layouts.conntrackEntry.decode(value);
    if (tuple.proto === protocolNumbers.UDP || (entry.flags & conntrackFlags.CONNTRACK_REPLY) !== 0) continue;
    const chosen = { backendId: entry.backendId, generation: entry.backendGeneration };
    const address = formatIp(entry.newDst);
    if (addresses.has(address) && !serves(chosen))
      found.push({ address, tuples: [tuple, otherTuple(tuple, entry)] });
  }
  return found;
}
