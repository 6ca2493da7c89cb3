/**
 * What to write so that the maps serve a state. Pure: a ledger and a state in, an ordered list of writes (map-write.ts)
 * and the ledger's changes out. A packet that comes in between finds either the old or the new answer.
 */

import { protocolNumbers } from '../../../net/protocol.ts';
import type { ClusterIps, ServiceFrontend, ServicePortName } from '../../model/service-port.ts';
import {
  type Scope,
  type ServiceName,
  type ServicePortState,
  type ServiceState,
  scopesOf,
} from '../../model/service-state.ts';
import { Draft } from './draft.ts';
import { type Frontend, frontendFlags, frontendKind, layouts } from './generated/layouts.ts';
import { type Ledger, packed } from './ledger.ts';
import { maglevTableSize } from './maglev-table.ts';
import type { Capacity, MapName, MapWrite } from './map-write.ts';
import { PoolSet } from './pool-set.ts';
import { RangeSet } from './range-set.ts';

export interface Plan {
  writes: MapWrite[];
  /** Puts the ledger right once the writes are done. */
  commit(): void;
  /** More remains to be planned: plan again after this one is applied. */
  more: boolean;
  /** How many ports were looked at. */
  ports: number;
}

const kinds = {
  ClusterIP: frontendKind.FRONTEND_CLUSTER_IP,
  NodePort: frontendKind.FRONTEND_NODE_PORT,
  ExternalIP: frontendKind.FRONTEND_EXTERNAL_IP,
  LoadBalancer: frontendKind.FRONTEND_LOAD_BALANCER,
} as const;

/**
 * Plans at most `limit` endpoints' worth of ports, so that no plan takes long. Looks at what changed since the
 * state that the ledger serves, or at all ports where it serves none of this process's.
 */
export function plan(ledger: Ledger, state: ServiceState, limit = 1000, capacity?: Capacity): Plan {
  const draft = new Draft(ledger, capacity);
  if (!ledger.orphansDropped) {
    draft.dropOrphans();
    return { writes: draft.writes(), commit: () => draft.commit(), more: true, ports: 0 };
  }
  const pending = pendingPorts(ledger, state);
  const planned = new Map<ServicePortName, Result>();
  let room = limit;
  for (const name of pending) {
    if (room <= 0) break;
    const port = state.ports.get(name);
    const clusterIps = state.clusterIps.get(name);
    room -= port ? cost(port) : 1;
    if (port) planned.set(name, planPort(draft, port));
    else planned.set(name, clusterIps ? planClusterIps(draft, name, clusterIps) : dropPort(draft, name));
  }
  const last = planned.size === pending.size;
  if (last) draft.dropUnclaimed();
  const writes = draft.writes();
  // Room that this plan makes is there for the next one.
  const again = writes.some(({ op }) => op === 'delete') ? refusedAfter(ledger, planned) : [];
  const commit = () => {
    draft.commit();
    for (const [name, result] of planned) {
      pending.delete(name);
      if (result === 'waiting') ledger.waiting.add(name);
      else ledger.waiting.delete(name);
      if (typeof result === 'object') ledger.refused.set(name, result.refusedBy);
      else ledger.refused.delete(name);
    }
    for (const name of draft.ousted) ledger.waiting.add(name);
    for (const name of again) pending.add(name);
    ledger.pending = pending;
    ledger.pendingVersion = state.version;
  };
  return { writes, commit, more: !last || again.length > 0, ports: planned.size };
}

type Result = 'whole' | 'waiting' | { refusedBy: MapName };

function refusedAfter(ledger: Ledger, planned: ReadonlyMap<ServicePortName, Result>): ServicePortName[] {
  const before = [...ledger.refused.keys()].filter((name) => !planned.has(name));
  return [...before, ...[...planned].flatMap(([name, result]) => (typeof result === 'object' ? name : []))];
}

/**
 * Removed ports first: their frontends may be another port's now. ClusterIPs as such last: none refuses a port that is
 * still to be planned.
 */
function pendingPorts(ledger: Ledger, state: ServiceState): Set<ServicePortName | ServiceName> {
  if (ledger.pendingVersion === state.version) return ledger.pending;
  const known = ledger.pendingVersion > 0 && ledger.pendingVersion === state.changes.since;
  const { ports, clusterIps } = state.changes;
  const names = known
    ? [...ledger.pending, ...ports, ...clusterIps, ...ledger.waiting, ...ledger.refused.keys()]
    : [...ledger.ports.keys(), ...state.ports.keys(), ...state.clusterIps.keys()];
  const turns: string[][] = [[], [], []];
  for (const name of names) turns[state.ports.has(name) ? 1 : state.clusterIps.has(name) ? 2 : 0]!.push(name);
  return new Set(turns.flat());
}

/** In endpoints: a table takes about as long as a tenth as many of them as it has places. */
function cost({ endpoints, maglev }: ServicePortState): number {
  const counts = [endpoints[4], endpoints[6]].map(({ cluster }) => cluster.length);
  const tables = maglev ? counts.map((count) => maglevTableSize(count) / 10) : [];
  return [...counts, ...tables].reduce((sum, n) => sum + n, 1);
}

function dropPort(draft: Draft, name: ServicePortName): 'whole' {
  draft.dropPort(name);
  return 'whole';
}

function planPort(draft: Draft, port: ServicePortState): Result {
  const proto = protocolNumbers[port.protocol];
  const serviceId = draft.serviceId(port.name, foundServiceId(draft, port));
  const pools = new PoolSet(draft, port, serviceId);
  const ranges = new RangeSet(draft, serviceId);
  const frontends: string[] = [];
  let waiting = false;
  for (const frontend of port.frontends) {
    // Loopback is served at the socket, and the kernel asks no program about SCTP's.
    if (frontend.loopback && port.protocol === 'SCTP') continue;
    // Closed rather than open where a range has no room.
    if (!frontend.sourceRanges.every((range) => ranges.add(range))) continue;
    const key = layouts.frontendKey.encode({ addr: frontend.ip, port: frontend.port, proto });
    if (!draft.claim(packed(key), port.name, kinds[frontend.kind])) {
      waiting = true;
      continue;
    }
    const existing = draft.frontendValue(packed(key));
    const value = frontendValue(port, frontend, {
      pools,
      serviceId,
      before: existing && layouts.frontend.decode(existing),
    });
    if (draft.setFrontend(packed(key), { owner: port.name, value: packed(value) }))
      frontends.push(packed(key));
  }
  pools.hold();
  draft.setPort(port.name, {
    // An array that grew has room for more, which adds up over all ports.
    frontends: frontends.slice(),
    pools: pools.names(),
    ranges: ranges.keys(),
    serviceId,
  });
  const refusedBy = draft.takeRefusal();
  if (refusedBy !== undefined) return { refusedBy };
  return waiting ? 'waiting' : 'whole';
}

function frontendValue(
  port: ServicePortState,
  frontend: ServiceFrontend,
  { pools, serviceId, before }: { pools: PoolSet; serviceId: number; before: Frontend | undefined },
): Uint8Array {
  const scopes = scopesOf(port, frontend.kind);
  const { family } = frontend.ip;
  return layouts.frontend.encode({
    internal: pools.get(family, scopes.internal, before?.internal.id),
    external: pools.get(family, scopes.external, before?.external.id),
    serviceId,
    flags: flagsOf(port, frontend, scopes),
    affinitySeconds: port.affinitySeconds,
    kind: kinds[frontend.kind],
  });
}

const ownAddress = packed(layouts.frontend.encode({ kind: frontendKind.FRONTEND_CLUSTER_ADDRESS }));
const othersAddress = packed(layouts.frontend.encode({ kind: frontendKind.FRONTEND_OTHER_PROXY }));

/** A ClusterIP as such is a frontend without port and protocol. */
function planClusterIps(draft: Draft, name: ServiceName, { ips, ours }: ClusterIps): Result {
  const value = ours ? ownAddress : othersAddress;
  const keys = ips.map((addr) => packed(layouts.frontendKey.encode({ addr })));
  const free = keys.filter((key) => draft.claim(key, name, frontendKind.FRONTEND_CLUSTER_ADDRESS));
  const frontends = free.filter((key) => draft.setFrontend(key, { owner: name, value }));
  draft.setPort(name, { frontends, pools: [], ranges: [], serviceId: 0 });
  const refusedBy = draft.takeRefusal();
  if (refusedBy !== undefined) return { refusedBy };
  return free.length < keys.length ? 'waiting' : 'whole';
}

/** The number that an earlier process gave the port, if its first frontend is still there. */
function foundServiceId(draft: Draft, port: ServicePortState): number | undefined {
  const first = port.frontends[0];
  if (first === undefined) return undefined;
  const proto = protocolNumbers[port.protocol];
  const value = draft.frontendValue(
    packed(layouts.frontendKey.encode({ addr: first.ip, port: first.port, proto })),
  );
  return value && layouts.frontend.decode(value).serviceId;
}

function flagsOf(
  port: ServicePortState,
  { ip, kind, loopback, sourceRanges }: ServiceFrontend,
  scopes: { internal: Scope; external: Scope },
): number {
  const endpoints = port.endpoints[ip.family];
  // Endpoints elsewhere, none in scope: silence, as kube-proxy (a load balancer shall try another node).
  const silent = (scope: Scope) => scope === 'local' && endpoints.local.length === 0 && endpoints.any;
  return (
    (loopback ? frontendFlags.FRONTEND_LOOPBACK : 0) |
    (silent(scopes.internal) ? frontendFlags.FRONTEND_DROP_INTERNAL : 0) |
    (silent(scopes.external) ? frontendFlags.FRONTEND_DROP_EXTERNAL : 0) |
    (sourceRanges.length > 0 ? frontendFlags.FRONTEND_SOURCE_RANGES : 0) |
    (port.affinitySeconds > 0 ? frontendFlags.FRONTEND_AFFINITY : 0) |
    (port.maglev ? frontendFlags.FRONTEND_MAGLEV : 0) |
    (port.shortcut && port.protocol === 'TCP' ? frontendFlags.FRONTEND_SHORTCUT : 0) |
    // Who comes to a ClusterIP from outside has no way back but by this node.
    (port.dsr && kind !== 'ClusterIP' ? frontendFlags.FRONTEND_DSR : 0)
  );
}
