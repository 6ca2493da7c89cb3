/**
 * What each packet program costs, by BPF_PROG_TEST_RUN: ns for a packet, without the stack around it. A packet that is
 * rewritten is another one when it is run again, so all but misses are run once each, some thousand times; what a
 * single run measures too much is known from misses, which can be repeated.
 */
import { type Hook, neighbour, node, outside, PacketRig, pod, remotePod } from '../bpf/tests/packet-rig.ts';
import type { PacketBuilder, SctpOptions } from '../src/net/packet.ts';
import { decodePacket } from '../src/net/packet-decode.ts';
import { testService, testSlice } from '../src/service/testing-objects.ts';
import { medianOf, type Report } from './report.ts';

export const claim =
  'a packet that is no Service’s costs a tenth of a microsecond, one of a known connection a third to one and a half';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const protocols = ['TCP', 'UDP', 'SCTP'] as const;
type Protocol = (typeof protocols)[number];
const names = ['random', 'maglev'] as const;
type Name = (typeof names)[number];
const clusterIps = { random: ['10.96.0.1', 'fd00:96::1'], maglev: ['10.96.0.2', 'fd00:96::2'] };
const unserved = { 4: '10.244.9.9', 6: 'fd00:244:9::9' } as const;
const singles = 3000;
const repeated = 100_000;

export async function run(report: Report): Promise<void> {
  const rig = new PacketRig();
  try {
    serve(rig, 'random', 30080);
    serve(rig, 'maglev', 30081);
    await rig.sync();
    // XDP sends on to next hops that are known.
    for (const f of families) rig.run(`ip neigh replace ${neighbour[f]} lladdr 02:00:00:00:00:22 dev eth0`);
    // Until a packet was translated none is looked for: measured apart.
    for (const f of families) measureMiss(rig, report, f, 'nothing translated yet');
    rig.send('pod_ingress', packetOf(rig.from('pod').ip(pod[4], clusterIps.random[0]!), 'UDP', 80));
    for (const f of families) {
      measureMiss(rig, report, f, 'miss');
      const excess = singleExcess(rig, f);
      measureNew(rig, report, { f, excess });
      for (const protocol of protocols) measureEstablished(rig, report, { f, protocol, excess });
    }
  } finally {
    rig.close();
  }
}

function serve(rig: PacketRig, name: Name, nodePort: number): void {
  const ports = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
  const service = testService(name, { type: 'NodePort', clusterIPs: clusterIps[name], ports });
  const annotations = { 'tendril.dev/service-balancing': name };
  rig.services.set({ ...service, metadata: { ...service.metadata, annotations } });
  for (const family of families) {
    const slicePorts = protocols.map((protocol) => ({ name: protocol, port: 8080, protocol }));
    const endpoints = [{ ip: remotePod[family], node: 'there' }];
    rig.slices.set(testSlice(name, { family, ports: slicePorts, endpoints }));
  }
}

function packetOf(builder: PacketBuilder, protocol: Protocol, dport: number, sport = 4000): PacketBuilder {
  if (protocol === 'TCP') return builder.tcp(sport, dport, { flags: 'A' }).payload('x'.repeat(100));
  if (protocol === 'UDP') return builder.udp(sport, dport).payload('x'.repeat(100));
  return builder.sctp(sport, dport, {}).payload('x'.repeat(100));
}

function measureMiss(rig: PacketRig, report: Report, f: Family, what: string): void {
  const misses: [Hook, PacketBuilder][] = [
    ['pod_ingress', rig.from('pod').ip(pod[f], unserved[f])],
    ['pod_egress', rig.from('pod').ip(unserved[f], pod[f])],
    ['host_ingress', rig.from('uplink').ip(outside[f], unserved[f])],
    ['host_egress', rig.from('uplink').ip(unserved[f], outside[f])],
  ];
  for (const [hook, builder] of misses) {
    const input = packetOf(builder, 'TCP', 81);
    const costs = Array.from({ length: 9 }, () => rig.cost(hook, input, repeated));
    print(report, `${hook} IPv${f} ${what}`, costs, 0);
  }
  const frame = packetOf(rig.from('uplink').ip(outside[f], unserved[f]), 'TCP', 81);
  const byXdp = Array.from({ length: 9 }, () => rig.costXdp(frame, repeated));
  print(report, `xdp_uplink IPv${f} ${what}`, byXdp, 0);
}

/** How much more a run tells that is not repeated. */
function singleExcess(rig: PacketRig, f: Family): number {
  const input = packetOf(rig.from('pod').ip(pod[f], unserved[f]), 'TCP', 81);
  const once = Array.from({ length: singles }, () => rig.cost('pod_ingress', input, 1));
  const often = Array.from({ length: 9 }, () => rig.cost('pod_ingress', input, repeated));
  return medianOf(once).median - medianOf(often).median;
}

/** XDP's runs are measured otherwise than tc's. */
function xdpSingleExcess(rig: PacketRig, f: Family): number {
  const input = packetOf(rig.from('uplink').ip(outside[f], unserved[f]), 'TCP', 81);
  const once = Array.from({ length: singles }, () => rig.costXdp(input, 1));
  const often = Array.from({ length: 9 }, () => rig.costXdp(input, repeated));
  return medianOf(once).median - medianOf(often).median;
}

interface Case {
  f: Family;
  excess: number;
}

/** Random and Maglev in turn: a map that grows makes later connections dearer. */
function measureNew(rig: PacketRig, report: Report, { f, excess }: Case): void {
  const clusterIp = (name: Name) => clusterIps[name][f === 4 ? 0 : 1]!;
  const begin: [Hook, (name: Name, sport: number) => PacketBuilder][] = [
    ['pod_ingress', (name, sport) => rig.from('pod').ip(pod[f], clusterIp(name)).tcp(sport, 80, syn)],
    [
      'host_ingress',
      (name, sport) => rig.from('uplink').ip(outside[f], node[f]).tcp(sport, nodePorts[name], syn),
    ],
  ];
  for (const [hook, packet] of begin) {
    rig.forget();
    const costs: Record<Name, number[]> = { random: [], maglev: [] };
    for (let turn = 0; turn < singles; turn++)
      for (const name of turn % 2 ? names : names.toReversed())
        costs[name].push(rig.cost(hook, packet(name, 10_000 + turn), 1));
    for (const name of names) print(report, `${hook} IPv${f} new connection, ${name}`, costs[name], excess);
  }
}

const syn = { flags: 'S' };
const nodePorts = { random: 30080, maglev: 30081 };

function measureEstablished(
  rig: PacketRig,
  report: Report,
  { f, protocol, excess }: Case & { protocol: Protocol },
): void {
  rig.forget();
  const open: SctpOptions = { chunk: 'INIT' };
  const opening = (builder: PacketBuilder, dport: number) =>
    protocol === 'SCTP' ? builder.sctp(4000, dport, open) : packetOf(builder, protocol, dport);
  const clusterIp = clusterIps.random[f === 4 ? 0 : 1]!;
  const fromPod = rig.from('pod').ip(pod[f], clusterIp);
  const fromOutside = rig.from('uplink').ip(outside[f], node[f]);
  rig.send('pod_ingress', opening(fromPod, 80));
  const { sport } = decodePacket(rig.send('host_ingress', opening(fromOutside, 30080)).bytes).transport!;
  const xdpExcess = xdpSingleExcess(rig, f);
  const established: [Hook, string, PacketBuilder][] = [
    ['pod_ingress', 'to a ClusterIP', packetOf(fromPod, protocol, 80)],
    ['pod_egress', 'reply', packetOf(rig.from('pod').ip(remotePod[f], pod[f]), protocol, 4000, 8080)],
    ['host_ingress', 'to a NodePort, sent on', packetOf(fromOutside, protocol, 30080)],
    [
      'host_ingress',
      'reply, sent on',
      packetOf(rig.from('uplink').ip(remotePod[f], node[f]), protocol, sport, 8080),
    ],
  ];
  for (const [hook, what, input] of established) {
    const costs = Array.from({ length: singles }, () => rig.cost(hook, input, 1));
    print(report, `${hook} IPv${f} ${protocol} ${what}`, costs, excess);
    if (hook !== 'host_ingress' || protocol === 'SCTP') continue;
    const byXdp = Array.from({ length: singles }, () => rig.costXdp(input, 1));
    print(report, `xdp_uplink IPv${f} ${protocol} ${what}`, byXdp, xdpExcess);
  }
}

function print(report: Report, name: string, costs: number[], excess: number): void {
  const { median, interval } = medianOf(costs.map((cost) => Math.max(0, cost - excess)));
  report({ name, value: median, unit: 'ns', interval, runs: costs.length });
}
