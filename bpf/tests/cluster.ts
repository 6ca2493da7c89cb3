/**
 * A cluster's network by hand: a fabric, two nodes with a pod each, and a client outside. Every node has its own
 * maps and programs; pods' and nodes' sockets are made in the node's cgroup, the client's outside of it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttachPoint, Bpf } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import {
  createNetns,
  deleteNetns,
  type NetnsHandle,
  openNetns,
  withNetns,
} from '../../src/linux/netns/netns.ts';
import { type Ip, parseIp } from '../../src/net/ip.ts';
import { parseMac } from '../../src/net/mac.ts';

export const objectsDirectory = join(import.meta.dirname, '../../dist/bpf');

export interface TestPod {
  netns: NetnsHandle;
  path: string;
  ips: { 4: string; 6: string };
  ifindex: number;
  mac: Uint8Array;
  link: { hostMac: Uint8Array; mtu: number };
}

export interface TestNode {
  name: string;
  netns: NetnsHandle;
  path: string;
  ips: { 4: string; 6: string };
  pod: TestPod;
  uplinkIfindex: number;
  cgroup: string;
  pinDirectory: string;
}

export class TestCluster {
  readonly root: string;
  readonly nodes: TestNode[] = [];
  readonly client: { netns: NetnsHandle; path: string; ips: { 4: string; 6: string } };
  readonly #bpffs: string;
  readonly #cgroup: string;
  readonly #children: ChildProcess[] = [];
  readonly #netns: NetnsHandle[] = [];
  readonly #paths: string[] = [];

  constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'tendril-bpf-'));
    this.#bpffs = join(this.root, 'bpf');
    mkdirSync(this.#bpffs);
    execFileSync('mount', ['-t', 'bpf', 'bpf', this.#bpffs]);
    this.#cgroup = join(cgroupMount(), this.root.split('/').at(-1)!);
    mkdirSync(this.#cgroup);
    const fabric = this.#namespace('fabric');
    inside(fabric.path, 'ip link add br0 type bridge; ip link set br0 up');
    this.client = { ...this.#plug('client', 9), ips: { 4: '10.9.0.9', 6: 'fd09::9' } };
    for (const number of [1, 2]) this.nodes.push(this.#node(number));
    this.#routes();
  }

  /** Another pod of a node; `host` is the end of its addresses, 3 to 9. */
  addPod(node: TestNode, host: number): TestPod {
    return this.#pod(node.path, {
      number: Number(node.name.slice('node-'.length)),
      link: `pod${host}`,
      host,
    });
  }

  /** Runs a program in a namespace until the end of the test; resolves when `ready` holds. */
  spawn(netns: string, argv: string[]): ChildProcess {
    const child = spawn('nsenter', [`--net=${netns}`, ...argv], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  /** As `spawn`, with sockets of the node's cgroup. */
  spawnManaged(pod: TestPod, cgroup: string, script: string): ChildProcess {
    const enter = `echo $$ > ${cgroup}/cgroup.procs; exec nsenter --net=${pod.path} sh -ec "$0"`;
    const child = spawn('sh', ['-ec', enter, script], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  /** A shell script's output, in a namespace. */
  inside(netns: string, script: string): string {
    return inside(netns, script);
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const netns of this.#netns) netns.close();
    for (const path of this.#paths) deleteNetns(path);
    execFileSync('umount', ['-l', this.#bpffs]);
    for (const node of this.nodes) rmdirSync(node.cgroup);
    rmdirSync(this.#cgroup);
    rmSync(this.root, { recursive: true });
  }

  #namespace(name: string): { netns: NetnsHandle; path: string } {
    const path = join(this.root, name);
    createNetns(path);
    this.#paths.push(path);
    const netns = openNetns(path);
    this.#netns.push(netns);
    return { netns, path };
  }

  #plug(name: string, number: number): { netns: NetnsHandle; path: string } {
    const made = this.#namespace(name);
    const fabric = join(this.root, 'fabric');
    inside(
      fabric,
      `ip link add f${number} type veth peer name eth0 netns ${made.path}; ip link set f${number} master br0 up`,
    );
    inside(
      made.path,
      `${quiet}; ip addr add 10.9.0.${number}/24 dev eth0; ip -6 addr add fd09::${number}/64 dev eth0 nodad; ip link set eth0 up`,
    );
    return made;
  }

  #node(number: number): TestNode {
    const name = `node-${number}`;
    const made = this.#plug(name, number);
    const cgroup = join(this.#cgroup, name);
    mkdirSync(cgroup);
    inside(
      made.path,
      'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding',
    );
    const pod = this.#pod(made.path, { number, link: 'pod', host: 2 });
    return {
      ...made,
      name,
      ips: { 4: `10.9.0.${number}`, 6: `fd09::${number}` },
      pod,
      cgroup,
      uplinkIfindex: ifindexOf(made.path, 'eth0'),
      pinDirectory: join(this.#bpffs, name),
    };
  }

  /** Routed veth, as Tendril plugs pods in: /32 and /128, the gateway link-local with a fixed neighbour. */
  #pod(node: string, { number, link, host }: { number: number; link: string; host: number }): TestPod {
    const pod = this.#namespace(`${link}-${number}`);
    const ips = { 4: `10.244.${number}.${host}`, 6: `fd00:244:${number}::${host}` };
    inside(
      node,
      `ip link add ${link} type veth peer name eth0 netns ${pod.path}
       ${quiet}; ip link set ${link} up address 02:00:00:00:00:01
       ip route add ${ips[4]}/32 dev ${link}; ip -6 route add ${ips[6]}/128 dev ${link}`,
    );
    inside(
      pod.path,
      `${quiet}; ip link set eth0 up; ip addr add ${ips[4]}/32 dev eth0; ip -6 addr add ${ips[6]}/128 dev eth0 nodad
       ip neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0; ip -6 neigh add fe80::1 lladdr 02:00:00:00:00:01 dev eth0
       ip route add 169.254.1.1 dev eth0; ip route add default via 169.254.1.1 dev eth0
       ip -6 route add default via fe80::1 dev eth0`,
    );
    const mac = parseMac(macOf(pod.path));
    const way = { hostMac: parseMac('02:00:00:00:00:01'), mtu: 1500 };
    return { ...pod, ips, ifindex: ifindexOf(node, link), mac, link: way };
  }

  #routes(): void {
    const [one, two] = this.nodes as [TestNode, TestNode];
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      inside(
        from.path,
        `ip route add ${to.pod.ips[4]} via ${to.ips[4]}; ip -6 route add ${to.pod.ips[6]} via ${to.ips[6]}`,
      );
    }
  }
}

/** Addresses at once, no reverse path filter, nothing that waits. */
const quiet =
  'for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done';

export function inside(netns: string, script: string): string {
  return execFileSync('nsenter', [`--net=${netns}`, 'sh', '-ec', script], { encoding: 'utf8' });
}

function ifindexOf(netns: string, name: string): number {
  return Number(/^(\d+):/.exec(inside(netns, `ip -o link show ${name}`))![1]);
}

function macOf(netns: string): string {
  return /link\/ether (\S+)/.exec(inside(netns, 'ip -o link show eth0'))![1]!;
}

export function cgroupMount(): string {
  return existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';
}

/** Runs with this process in the cgroup: sockets made meanwhile belong to it. */
export function inCgroup<T>(cgroup: string | undefined, use: () => T): T {
  if (cgroup === undefined) return use();
  const line = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('0::'))!;
  const home = join(cgroupMount(), line.slice(3));
  writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
  try {
    return use();
  } finally {
    writeFileSync(join(home, 'cgroup.procs'), String(process.pid));
  }
}

/** Runs in a namespace with sockets of the cgroup. */
export function at<T>(place: { netns: NetnsHandle; cgroup?: string | undefined }, use: () => T): T {
  return inCgroup(place.cgroup, () => withNetns(place.netns, use));
}

/** The kernel's BPF for a process that is in no node's namespace: interface indexes are those of `netns`. */
export function bpfIn(netns: NetnsHandle): Bpf {
  const there = (point: AttachPoint): AttachPoint => (point.type === 'cgroup' ? point : { ...point, netns });
  return {
    ...kernelBpf,
    detach: (pin, point) => kernelBpf.detach(pin, point && there(point)),
    load: (options) => {
      const object = kernelBpf.load(options);
      const attach = object.attach.bind(object);
      const takePlace = object.takePlace.bind(object);
      object.attach = (program, point, pin) => attach(program, there(point), pin);
      object.takePlace = (program, point, pins) => takePlace(program, there(point), pins);
      return object;
    },
  };
}

export function addresses(node: TestNode): Ip[] {
  return [parseIp(node.ips[4]), parseIp(node.ips[6])];
}
