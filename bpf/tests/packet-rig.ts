/**
 * One node's programs and maps, filled by the planner, and packets put through them by BPF_PROG_TEST_RUN: what
 * comes out, and with which verdict. The node is a namespace with an uplink and one pod; nothing is attached.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import type { BpfMap, BpfObject } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import {
  createNetns,
  deleteNetns,
  type NetnsHandle,
  openNetns,
  withNetns,
} from '../../src/linux/netns/netns.ts';
import { parseCidr } from '../../src/net/cidr.ts';
import { formatIp, parseIp } from '../../src/net/ip.ts';
import { parseMac } from '../../src/net/mac.ts';
import { type EthernetOptions, type PacketBuilder, packet } from '../../src/net/packet.ts';
import { decodePacket, describePacket } from '../../src/net/packet-decode.ts';
import { serviceSnatPorts } from '../../src/net/ports.ts';
import { apply } from '../../src/service/backends/ebpf/apply.ts';
import { ClusterNodes } from '../../src/service/backends/ebpf/cluster-nodes.ts';
import { DirectReturns } from '../../src/service/backends/ebpf/direct-returns.ts';
import {
  type ConntrackEntry,
  dropReason,
  layouts,
  type Tuple,
} from '../../src/service/backends/ebpf/generated/layouts.ts';
import { loadOrHandOver, type Objects } from '../../src/service/backends/ebpf/handover.ts';
import { emptyLedger } from '../../src/service/backends/ebpf/ledger.ts';
import { plan } from '../../src/service/backends/ebpf/plan.ts';
import { encodeServiceCidrs } from '../../src/service/backends/ebpf/service-cidrs.ts';
import { ServiceTracker } from '../../src/service/model/service-tracker.ts';
import { TestStore } from '../../src/service/testing-objects.ts';
import { inside, objectsDirectory } from './cluster.ts';

export type Hook = 'pod_ingress' | 'pod_egress' | 'host_ingress' | 'host_egress';

/** TC_ACT_…, as programs return them; a redirect's target is not told by a test run. */
export type Verdict = 'pass' | 'drop' | 'redirect';
const verdicts: Record<number, Verdict> = { [-1]: 'pass', 0: 'pass', 2: 'drop', 7: 'redirect' };
/** XDP_PASS and XDP_TX. */
const xdpVerdicts: Record<number, Verdict> = { 2: 'pass', 3: 'redirect' };

export interface Outcome {
  verdict: Verdict;
  bytes: Uint8Array;
  /** One line of what came out; see describePacket. `dropped: REASON` for a drop. */
  text: string;
}

export const node = { 4: '10.9.0.1', 6: 'fd09::1' } as const;
/** Another host on the uplink's network, next hop to `remotePod`. */
export const neighbour = { 4: '10.9.0.2', 6: 'fd09::2' } as const;
export const pod = { 4: '10.244.1.2', 6: 'fd00:244:1::2' } as const;
export const remotePod = { 4: '10.244.2.2', 6: 'fd00:244:2::2' } as const;
export const outside = { 4: '192.0.2.9', 6: '2001:db8::9' } as const;
export const serviceCidrs = ['10.96.0.0/16', 'fd00:96::/112'];
export const podMac = '02:00:00:00:00:0a';
export const hostMac = '02:00:00:00:00:01';

const snat = { snatFirst: serviceSnatPorts.first, snatLast: serviceSnatPorts.last };

export class PacketRig {
  readonly services = new TestStore<Service>();
  readonly slices = new TestStore<EndpointSlice>();
  readonly podIfindex: number;
  readonly uplinkIfindex: number;
  readonly #root = mkdtempSync(join(tmpdir(), 'tendril-packets-'));
  readonly #path = join(this.#root, 'node');
  readonly #netns: NetnsHandle;
  readonly #ledger = { ...emptyLedger(), orphansDropped: true };
  readonly #directReturns = new DirectReturns();
  #xdp: BpfObject | undefined;
  #objects: Objects;

  constructor() {
    mkdirSync(join(this.#root, 'bpf'));
    execFileSync('mount', ['-t', 'bpf', 'bpf', join(this.#root, 'bpf')]);
    createNetns(this.#path);
    this.#netns = openNetns(this.#path);
    inside(this.#path, nodeNetwork);
    this.podIfindex = this.#ifindex('pod');
    this.uplinkIfindex = this.#ifindex('eth0');
    this.#objects = this.#load({});
    this.#describeNode();
  }

  /** Loads the programs again on maps of other sizes, as an agent with other settings does. */
  resize(mapSizes: Record<string, number>): void {
    for (const object of Object.values(this.#objects)) object.close();
    this.#objects = this.#load(mapSizes);
  }

  #load(mapSizes: Record<string, number>): Objects {
    const request = (name: string, pinDirectory: string) => ({
      path: join(objectsDirectory, `${name}.bpf.o`),
      ...{ pinDirectory, mapSizes },
    });
    const load = (name: string, directory: string) => kernelBpf.load(request(name, directory));
    // Interface indexes are the rig's.
    return withNetns(this.#netns, () =>
      loadOrHandOver({
        ...{ bpf: kernelBpf, pinDirectory: join(this.#root, 'bpf', 'node'), nodeHooks: [], migrations: [] },
        load: (at) => ({ sock: load('sock', at), pod: load('pod', at), host: load('host', at) }),
        misfit: (at) => kernelBpf.misfit(request('pod', at))?.difference,
      }),
    ).objects;
  }

  #loadXdp(): BpfObject {
    const pinDirectory = join(this.#root, 'bpf', 'node');
    return kernelBpf.load({ path: join(objectsDirectory, 'xdp.bpf.o'), pinDirectory });
  }

  /** A command in the node's namespace. */
  run(script: string): string {
    return inside(this.#path, script);
  }

  /** Writes what the stores say into the maps, as the agent does. */
  async sync(): Promise<void> {
    const tracker = new ServiceTracker({
      services: this.services,
      slices: this.slices,
      node: { name: 'here', addresses: () => [parseIp(node[4]), parseIp(node[6])] },
      onDirty: () => {},
    });
    const state = await tracker.update(() => undefined);
    tracker.stop();
    const { writes, commit } = plan(this.#ledger, state);
    const maps = {
      backends: this.map('backends'),
      slots: this.map('slots'),
      source_ranges: this.map('source_ranges'),
      frontends: this.map('frontends'),
    };
    await apply(maps, writes);
    commit();
    this.map('service_cidrs').update(u32(0), encodeServiceCidrs(serviceCidrs.map((cidr) => parseCidr(cidr))));
    this.#directReturns.sync(this.map('direct_returns'), state, this.#ledger);
  }

  /** Addresses of all of the cluster's nodes. */
  setClusterNodes(...ips: string[]): void {
    new ClusterNodes().sync(
      this.map('cluster_nodes'),
      ips.map((ip) => parseIp(ip)),
    );
  }

  map(name: string): BpfMap {
    return this.#objects.pod.map(name);
  }

  /** A packet as the pod's veth or the uplink would carry it. */
  from(side: 'pod' | 'uplink', options: EthernetOptions = {}): PacketBuilder {
    return side === 'pod'
      ? packet({ src: podMac, dst: hostMac, ...options })
      : packet({ src: '02:00:00:00:00:0f', dst: '02:00:00:00:00:0e', ...options });
  }

  /** `cameBy`: of what the stack sends on, the interface that it came in at. */
  send(hook: Hook, input: PacketBuilder | Uint8Array, cameBy?: number): Outcome {
    const before = this.drops();
    const { retval, data: bytes } = this.#run(hook, input, 1, cameBy);
    const verdict = verdicts[retval | 0];
    if (verdict === undefined) throw new Error(`${hook} returned ${retval}`);
    const dropped = this.drops().find((reason) => !before.includes(reason));
    const text = verdict === 'drop' ? `dropped: ${dropped?.replace(/ \d+$/, '')}` : describe(bytes);
    return { verdict, bytes, text };
  }

  /** A frame through the uplink's XDP program; `redirect` is that it leaves by the uplink again. */
  sendXdp(input: PacketBuilder | Uint8Array): Outcome {
    const { retval, data: bytes } = this.#runXdp(input, 1);
    const verdict = xdpVerdicts[retval];
    if (verdict === undefined) throw new Error(`xdp_uplink returned ${retval}`);
    return { verdict, bytes, text: describe(bytes) };
  }

  costXdp(input: PacketBuilder, repeat = 100_000): number {
    return this.#runXdp(input, repeat).nsPerRun;
  }

  /** A test run takes the interface's own receive queue, which is there while a program is attached. */
  #runXdp(input: PacketBuilder | Uint8Array, repeat: number) {
    const data = input instanceof Uint8Array ? input : input.bytes();
    const { uplinkIfindex: ifindex } = this;
    if (this.#xdp === undefined) {
      this.#xdp = this.#loadXdp();
      const at = { type: 'xdp', mode: 'native', ifindex, netns: this.#netns } as const;
      this.#xdp.attach('xdp_pass', at, join(this.#root, 'bpf', 'node', 'links', 'xdp'));
    }
    const program = this.#xdp.program('xdp_uplink');
    return withNetns(this.#netns, () => program.testRun({ data, ifindex, repeat }));
  }

  /** ns that the program takes for the packet, on average. */
  cost(hook: Hook, input: PacketBuilder, repeat = 100_000): number {
    return this.#run(hook, input, repeat).nsPerRun;
  }

  #run(hook: Hook, input: PacketBuilder | Uint8Array, repeat = 1, cameBy?: number) {
    const data = input instanceof Uint8Array ? input : input.bytes();
    const object = this.#objects[hook.startsWith('pod') ? 'pod' : 'host'];
    const ifindex = hook.startsWith('pod') ? this.podIfindex : this.uplinkIfindex;
    return withNetns(this.#netns, () =>
      object.program(hook).testRun({
        ...{ data, ifindex, repeat },
        ...(cameBy !== undefined && { ingressIfindex: cameBy }),
      }),
    );
  }

  /** The way on, and the reply's way back, of a connection that the packet began. */
  connections(): { tuple: string; entry: ConntrackEntry }[] {
    const at = (tuple: Tuple) =>
      `${formatIp(tuple.src)}|${tuple.sport} > ${formatIp(tuple.dst)}|${tuple.dport}`;
    return [...this.map('conntrack').entries()].map(([key, value]) => ({
      tuple: at(layouts.tuple.decode(key)),
      entry: layouts.conntrackEntry.decode(value),
    }));
  }

  /** Forgets all connections and fragments. */
  forget(): void {
    for (const name of ['conntrack', 'fragments', 'policy_flows'])
      for (const [key] of this.map(name).entries()) this.map(name).delete(key);
  }

  /** `reason count` of every reason that occurred. */
  drops(): string[] {
    const counters = this.map('drop_counters');
    return Object.entries(dropReason).flatMap(([name, reason]) => {
      const value = name === 'DROP_REASONS' ? undefined : counters.lookup(u32(reason));
      const count = value ? sum(value) : 0;
      return count > 0 ? [`${name.slice(5).toLowerCase().replaceAll('_', ' ')} ${count}`] : [];
    });
  }

  close(): void {
    this.#xdp?.close();
    for (const object of Object.values(this.#objects)) object.close();
    this.#netns.close();
    deleteNetns(this.#path);
    execFileSync('umount', ['-l', join(this.#root, 'bpf')]);
    rmSync(this.#root, { recursive: true });
  }

  #ifindex(name: string): number {
    return Number(/^(\d+):/.exec(inside(this.#path, `ip -o link show ${name}`))![1]);
  }

  /** What the programs know of the node; its stack is passed by nothing unless told. */
  configure(options: { pastStack?: number; draining?: number; earlier?: number } = {}): void {
    const [snat4, snat6] = [parseIp(node[4]), parseIp(node[6])];
    const { uplinkIfindex } = this;
    const config = layouts.nodeConfig.encode({
      snat4,
      snat6,
      ...snat,
      netnsCookie: 1n,
      uplinkIfindex,
      ...options,
    });
    this.map('node_config').update(new Uint8Array(4), config);
  }

  #describeNode(): void {
    this.configure();
    const endpoint = layouts.endpoint.encode({
      addrs: [parseIp(pod[4]), parseIp(pod[6])],
      mac: parseMac(podMac),
      count: 2,
    });
    this.map('endpoints').update(u32(this.podIfindex), endpoint);
  }
}

/** A routed pod, an uplink of MTU 1400 with the default route, and another node's pod behind a neighbour. */
const nodeNetwork = `
  ip link add pod address ${hostMac} type veth peer name podeth0
  ip link add eth0 address 02:00:00:00:00:0e mtu 1400 type veth peer name far
  echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done
  for i in lo pod podeth0 eth0 far; do ip link set $i up; done
  ip addr add ${node[4]}/24 dev eth0; ip addr add ${node[6]}/64 dev eth0 nodad
  ip route add ${pod[4]} dev pod; ip -6 route add ${pod[6]} dev pod
  ip route add 10.244.2.0/24 via ${neighbour[4]}; ip -6 route add fd00:244:2::/64 via ${neighbour[6]}
  ip route add default via ${neighbour[4]}; ip -6 route add default via ${neighbour[6]}`;

function describe(bytes: Uint8Array): string {
  try {
    return describePacket(decodePacket(bytes));
  } catch (error) {
    return `undecodable: ${(error as Error).message}`;
  }
}

function u32(value: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, value, true);
  return key;
}

function sum(value: Uint8Array): number {
  let packets = 0;
  for (let at = 0; at < value.length; at += layouts.dropCounter.size)
    packets += Number(layouts.dropCounter.decode(value.subarray(at, at + layouts.dropCounter.size)).packets);
  return packets;
}
