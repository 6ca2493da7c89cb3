/** Reads the kernel's maps for people: nothing here comes from memory but the names of Services. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { formatIp, type Ip } from '../../../net/ip.ts';
import { protocolName, protocolNumbers } from '../../../net/protocol.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import type { ServicePortName } from '../../model/service-port.ts';
import type {
  BackendView,
  ConnectionFate,
  ConnectionView,
  ServiceInspection,
  ServiceView,
} from '../../service-inspection.ts';
import { assumedReply, type Flow, otherTuple } from './conntrack-gc.ts';
import {
  backendFlags,
  type ConntrackEntry,
  conntrackFlags,
  conntrackSeen,
  type Frontend,
  frontendFlags,
  frontendKind,
  layouts,
  type Tuple,
} from './generated/layouts.ts';
import { indexKey } from './index-key.ts';

export interface InspectionOptions {
  map(name: 'frontends' | 'slots' | 'backends' | 'conntrack'): BpfMap;
  /** Of a Service's number; undefined for one that this process has not planned. */
  serviceName(id: number): ServicePortName | undefined;
  /** CLOCK_MONOTONIC, ns. */
  now?(): bigint;
}

const kinds = new Map<number, string>([
  [frontendKind.FRONTEND_CLUSTER_IP, 'ClusterIP'],
  [frontendKind.FRONTEND_NODE_PORT, 'NodePort'],
  [frontendKind.FRONTEND_EXTERNAL_IP, 'ExternalIP'],
  [frontendKind.FRONTEND_LOAD_BALANCER, 'LoadBalancer'],
  [frontendKind.FRONTEND_HOST_PORT, 'HostPort'],
]);

/** Frontends by their text, so that counters find them. */
interface Counters {
  connections: number;
  packets: number;
  bytes: number;
}

export function inspectMaps(options: InspectionOptions): ServiceInspection {
  return { services: () => listServices(options), connections: (limit) => listConnections(options, limit) };
}

async function listServices({ map, serviceName }: InspectionOptions): Promise<ServiceView[]> {
  const slice = new TimeSlice();
  const counted = await countByFrontend(map('conntrack'), slice);
  const views: ServiceView[] = [];
  for (const [key, value] of map('frontends').entries()) {
    await slice.breathe();
    const { addr, port, proto } = layouts.frontendKey.decode(key);
    // A ClusterIP as such.
    if (port === 0) continue;
    const frontend = layouts.frontend.decode(value);
    const name = serviceName(frontend.serviceId);
    const protocol = protocolName(proto) ?? String(proto);
    views.push({
      ...(name !== undefined && { service: name }),
      kind: kinds.get(frontend.kind) ?? String(frontend.kind),
      frontend: at(addr, port),
      protocol,
      state: fate(frontend, 'internal'),
      externalState: fate(frontend, 'external'),
      backends: backendsOf(map, frontend.internal),
      externalBackends: backendsOf(map, frontend.external),
      affinitySeconds: frontend.affinitySeconds,
      ...(counted.get(`${protocol} ${at(addr, port)}`) ?? { connections: 0, packets: 0, bytes: 0 }),
    });
  }
  return views.sort((a, b) => compare(a.service ?? '', b.service ?? '') || compare(a.frontend, b.frontend));
}

function fate(frontend: Frontend, side: 'internal' | 'external'): ConnectionFate {
  if (frontend[side].count > 0) return 'serving';
  const silent =
    side === 'internal' ? frontendFlags.FRONTEND_DROP_INTERNAL : frontendFlags.FRONTEND_DROP_EXTERNAL;
  return (frontend.flags & silent) !== 0 ? 'dropped' : 'refused';
}

function backendsOf(map: InspectionOptions['map'], pool: { id: number; count: number }): BackendView[] {
  const views: BackendView[] = [];
  // A Maglev table names each of its backends many times.
  const ids = new Set<number>();
  for (let index = 0; index < pool.count; index++) {
    const slot = map('slots').lookup(layouts.slotKey.encode({ poolId: pool.id, index }));
    if (slot !== undefined) ids.add(layouts.slot.decode(slot).backendId);
  }
  for (const id of ids) {
    const value = map('backends').lookup(indexKey(id));
    if (value === undefined) continue;
    const backend = layouts.backend.decode(value);
    views.push({
      address: at(backend.addr, backend.port),
      local: (backend.flags & backendFlags.BACKEND_LOCAL) !== 0,
      terminating: (backend.flags & backendFlags.BACKEND_TERMINATING) !== 0,
    });
  }
  return views.sort((a, b) => compare(a.address, b.address));
}

/** Both directions of a connection count, under the frontend that the client knows. */
async function countByFrontend(conntrack: BpfMap, slice: TimeSlice): Promise<Map<string, Counters>> {
  const counted = new Map<string, Counters>();
  for (const [key, value] of conntrack.entries()) {
    await slice.breathe();
    const tuple = layouts.tuple.decode(key);
    const entry = layouts.conntrackEntry.decode(value);
    const isReply = (entry.flags & conntrackFlags.CONNTRACK_REPLY) !== 0;
    const frontend = isReply ? at(entry.newSrc, entry.newSport) : frontendOf(tuple, entry, conntrack);
    const name = `${protocolName(tuple.proto) ?? tuple.proto} ${frontend}`;
    const sum = counted.get(name) ?? { connections: 0, packets: 0, bytes: 0 };
    counted.set(name, {
      connections: sum.connections + (isReply ? 0 : 1),
      packets: sum.packets + Number(entry.packets),
      bytes: sum.bytes + Number(entry.bytes),
    });
  }
  return counted;
}

/** What the client came to: where another node sent it here, only the reply's entry knows. */
function frontendOf(tuple: Tuple, entry: ConntrackEntry, conntrack: BpfMap): string {
  const isDirect = (entry.flags & conntrackFlags.CONNTRACK_DIRECT) !== 0;
  const other = isDirect ? conntrack.lookup(layouts.tuple.encode(otherTuple(tuple, entry))) : undefined;
  if (other === undefined) return at(tuple.dst, tuple.dport);
  const reply = layouts.conntrackEntry.decode(other);
  return at(reply.newSrc, reply.newSport);
}

async function listConnections(
  { map, serviceName, now = () => process.hrtime.bigint() }: InspectionOptions,
  limit: number,
): Promise<ConnectionView[]> {
  const slice = new TimeSlice();
  const views: ConnectionView[] = [];
  for (const [key, value] of map('conntrack').entries()) {
    await slice.breathe();
    if (views.length >= limit) break;
    const tuple = layouts.tuple.decode(key);
    const entry = layouts.conntrackEntry.decode(value);
    if ((entry.flags & conntrackFlags.CONNTRACK_REPLY) !== 0) continue;
    const other = map('conntrack').lookup(layouts.tuple.encode(otherTuple(tuple, entry)));
    const reply = other && layouts.conntrackEntry.decode(other);
    const service = serviceOf(map, entry, serviceName);
    views.push({
      ...connectionView(tuple, entry, reply, now()),
      frontend: frontendOf(tuple, entry, map('conntrack')),
      ...(service !== undefined && { service }),
    });
  }
  return views;
}

function connectionView(
  tuple: Tuple,
  entry: ConntrackEntry,
  reply: ConntrackEntry | undefined,
  now: bigint,
): Omit<ConnectionView, 'frontend'> {
  const client = at(tuple.src, tuple.sport);
  const seenAs = at(entry.newSrc, entry.newSport);
  const last = reply !== undefined && reply.lastSeen > entry.lastSeen ? reply.lastSeen : entry.lastSeen;
  return {
    protocol: protocolName(tuple.proto) ?? String(tuple.proto),
    client,
    backend: at(entry.newDst, entry.newDport),
    ...(seenAs !== client && { seenAs }),
    ...((entry.flags & directFlags) !== 0 && { direct: true }),
    state: stateOf(tuple.proto, entry, reply ?? assumedReply(entry)),
    packets: Number(entry.packets) + Number(reply?.packets ?? 0),
    bytes: Number(entry.bytes) + Number(reply?.bytes ?? 0),
    idleSeconds: Math.max(0, Number((now - last) / 1_000_000n) / 1000),
  };
}

const directFlags = conntrackFlags.CONNTRACK_DSR | conntrackFlags.CONNTRACK_DIRECT;

function stateOf(proto: number, entry: ConntrackEntry, reply: Flow | undefined): ConnectionView['state'] {
  const answered = (reply?.packets ?? 0n) > 0n;
  if (proto === protocolNumbers.UDP) return answered ? 'answered' : 'unanswered';
  const both = entry.seen | (reply?.seen ?? 0);
  if ((both & conntrackSeen.SEEN_RST) !== 0) return 'closed';
  if ((entry.seen & (reply?.seen ?? 0) & conntrackSeen.SEEN_FIN) !== 0) return 'closed';
  if ((both & (conntrackSeen.SEEN_FIN | conntrackSeen.SEEN_RST_NEAR)) !== 0) return 'closing';
  return answered && (entry.seen & conntrackSeen.SEEN_ACK) !== 0 ? 'established' : 'new';
}

function serviceOf(
  map: InspectionOptions['map'],
  { backendId }: ConntrackEntry,
  serviceName: InspectionOptions['serviceName'],
): ServicePortName | undefined {
  const value = map('backends').lookup(indexKey(backendId));
  return value && serviceName(layouts.backend.decode(value).serviceId);
}

function at(ip: Ip, port: number): string {
  return `${formatIp(ip)}|${port}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
