/**
 * The datapath's maps in memory, and a tracer that asks them where a connection would go: the semantics of a plan,
 * checked without root. What it decides, bpf/lib/lb.h decides in the kernel.
 */
import type { BpfMap, Fields } from '../../../linux/bpf/bpf.ts';
import { FakeBpf, type FakeMap } from '../../../linux/bpf/fake-bpf.ts';
import type { Layout } from '../../../linux/bpf/layout.ts';
import { formatIp, type Ip, ipToBigInt, parseIp } from '../../../net/ip.ts';
import { type Protocol, protocolNumbers } from '../../../net/protocol.ts';
import type { PodForwarding } from '../../service-proxy-contract.ts';
import { Datapath } from './datapath.ts';
import { frontendFlags, frontendKind, layouts } from './generated/layouts.ts';
import type { XdpSetting } from './xdp-uplink.ts';

const hash = (name: string, keySize: number, valueSize: number, maxEntries = 65_536) => ({
  name,
  keySize,
  valueSize,
  maxEntries,
});

/** As a kernel's map tells it by its BTF. */
const told = <T>(layout: Layout<T>) => layout as unknown as Layout<Fields>;

const maps = [
  hash('frontends', layouts.frontendKey.size, layouts.frontend.size),
  hash('slots', layouts.slotKey.size, layouts.slot.size),
  hash('backends', 4, layouts.backend.size),
  {
    ...hash('conntrack', layouts.tuple.size, layouts.conntrackEntry.size),
    key: told(layouts.tuple),
    value: told(layouts.conntrackEntry),
  },
  hash('source_ranges', layouts.sourceRangeKey.size, layouts.sourceRange.size),
  hash('direct_returns', layouts.directKey.size, layouts.direct.size),
  hash('cluster_nodes', 16, 4),
  hash('peers', layouts.peerKey.size, layouts.peer.size),
  hash('flows', layouts.peerKey.size, layouts.peer.size),
  hash('stack_flows', layouts.tuple.size, 1),
  hash('endpoints', 4, layouts.endpoint.size, 4096),
  hash('pods', 8, layouts.pod.size, 4096),
  hash('pod_addresses', layouts.podAddress.size, 8, 8192),
  hash('pod_links', layouts.podAddress.size, layouts.podLink.size, 8192),
  { ...hash('node_config', 4, layouts.nodeConfig.size, 1), array: true, value: told(layouts.nodeConfig) },
  { ...hash('layout', 4, 4, 1), array: true },
  { ...hash('service_cidrs', 4, layouts.serviceCidrs.size, 1), array: true },
  { ...hash('epoch', 4, 4, 1), array: true },
  { ...hash('activity', 4, layouts.activity.size, 1), array: true },
  { ...hash('drop_counters', 4, layouts.dropCounter.size, 32), array: true },
];

const shortcutMaps = [
  hash('shortcut_sockets', layouts.tuple.size, 8),
  { ...hash('shortcut_counts', 4, 8, 8), array: true },
];

const socketPrograms = ['connect', 'sendmsg', 'recvmsg', 'getpeername'].flatMap((hook) => [
  `sock_${hook}4`,
  `sock_${hook}6`,
]);

export interface TestDatapath {
  bpf: FakeBpf;
  datapath: Datapath;
  map(name: string): FakeMap;
}

/** A loaded datapath; with `bpf`, one that takes over what another left. */
export function testDatapath(
  options: {
    bpf?: FakeBpf;
    mapSizes?: Record<string, number>;
    uplinkIfindex?: number;
    xdp?: XdpSetting;
    podForwarding?: PodForwarding;
    earlierConnections?: () => boolean;
  } = {},
): TestDatapath {
  const { mapSizes, uplinkIfindex = 2, xdp = 'off', podForwarding, earlierConnections } = options;
  const bpf =
    options.bpf ??
    new FakeBpf({
      'sock.bpf.o': { maps, programs: socketPrograms },
      'pod.bpf.o': { maps, programs: ['pod_ingress', 'pod_egress'] },
      'sockmap.bpf.o': {
        maps: [...maps, ...shortcutMaps],
        programs: ['shortcut_established', 'shortcut_send'],
      },
      'host.bpf.o': { maps, programs: ['host_ingress', 'host_egress'] },
      'xdp.bpf.o': { maps, programs: ['xdp_uplink'] },
    });
  const datapath = new Datapath({
    bpf,
    objectsDirectory: '/objects',
    pinDirectory: '/pins',
    cgroup: '/cgroup',
    uplinkIfindex,
    netnsCookie: 1n,
    xdp,
    earlierConnections,
    ...(podForwarding && { podForwarding }),
    ...(mapSizes && { mapSizes }),
  });
  datapath.load();
  return { bpf, datapath, map: (name) => bpf.maps.get(`/pins/${name}`)! };
}

export interface TracedPacket {
  to: string;
  port: number;
  protocol?: Protocol;
  from?: 'internal' | 'external';
}

/** Where a first packet may go: sorted `ip|port`s, or what becomes of it. */
export function trace(
  at: { map(name: string): BpfMap },
  packet: TracedPacket,
): string[] | 'no service' | 'refused' | 'dropped' {
  const { to, port, protocol = 'TCP', from = 'internal' } = packet;
  const key = layouts.frontendKey.encode({ addr: parseIp(to), port, proto: protocolNumbers[protocol] });
  const found = at.map('frontends').lookup(key);
  if (found === undefined) return traceAddress(at, to);
  const frontend = layouts.frontend.decode(found);
  const pool = frontend[from];
  const silent =
    from === 'internal' ? frontendFlags.FRONTEND_DROP_INTERNAL : frontendFlags.FRONTEND_DROP_EXTERNAL;
  if (pool.count === 0) return frontend.flags & silent ? 'dropped' : 'refused';
  const backends = Array.from({ length: pool.count }, (_, index) => backendAt(at, pool.id, index)).sort();
  return frontend.flags & frontendFlags.FRONTEND_MAGLEV ? [...new Set(backends)] : backends;
}

/** As bpf/lib/unserved.h. */
function traceAddress(at: { map(name: string): BpfMap }, to: string): 'no service' | 'refused' | 'dropped' {
  const addr = parseIp(to);
  const value = at.map('service_cidrs').lookup(new Uint8Array(4))!;
  const { count, cidrs } = layouts.serviceCidrs.decode(value);
  const bits = (ip: Ip) => ipToBigInt(ip) | (ip.family === 4 ? 0xffffn << 32n : 0n);
  const isInside = cidrs.slice(0, count).some((one) => (bits(addr) & bits(one.mask)) === bits(one.addr));
  if (!isInside) return 'no service';
  const found = at.map('frontends').lookup(layouts.frontendKey.encode({ addr }));
  if (found === undefined) return 'dropped';
  const { kind } = layouts.frontend.decode(found);
  return kind === frontendKind.FRONTEND_OTHER_PROXY ? 'no service' : 'refused';
}

function backendAt(at: { map(name: string): BpfMap }, poolId: number, index: number): string {
  const slot = at.map('slots').lookup(layouts.slotKey.encode({ poolId, index }));
  if (slot === undefined) return `slot ${poolId}/${index} is missing`;
  const id = layouts.slot.decode(slot).backendId;
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, id, true);
  const found = at.map('backends').lookup(key);
  if (found === undefined) return `backend ${id} is missing`;
  const backend = layouts.backend.decode(found);
  return `${formatIp(backend.addr)}|${backend.port}`;
}
