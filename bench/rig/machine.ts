/**
 * A node of one contender, as namespaces: an uplink to a host outside, and two pods on routed veths, the client of
 * the node and the server. Every contender has one of its own, all with the same addresses.
 *
 *     outside eth0 ── eth0 node ┬─ client   10.244.1.3
 *     10.9.0.9     10.9.0.1     └─ server   10.244.1.4
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inside } from '../../bpf/tests/cluster.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../../src/linux/netns/netns.ts';
import { type Mac, parseMac } from '../../src/net/mac.ts';
import { type Family, nodeIps, serverIps } from './objects.ts';

export type Place = 'node' | 'outside' | 'client' | 'server';

const places = ['node', 'outside', 'client', 'server'] as const;
const podIps = { client: { 4: '10.244.1.3', 6: 'fd00:244:1::3' }, server: serverIps } as const;
const hostMac = '02:00:00:00:00:01';
const outsideIps: Record<Family, string> = { 4: '10.9.0.9', 6: 'fd09::9' };

export interface MachineOptions {
  /** A directory of its own. */
  directory: string;
  /** What the node's and its pods' processes are put into. */
  cgroup?: string;
}

export class Machine {
  readonly directory: string;
  readonly node: NetnsHandle;
  /** Of the host end of every pod's veth. */
  readonly hostMac = parseMac(hostMac);
  readonly #cgroup: string | undefined;
  readonly #children = new Set<ChildProcess>();

  constructor({ directory, cgroup }: MachineOptions) {
    this.directory = directory;
    this.#cgroup = cgroup;
    mkdirSync(directory, { recursive: true });
    if (cgroup) mkdirSync(cgroup, { recursive: true });
    for (const place of places) createNetns(this.path(place));
    this.node = openNetns(this.path('node'));
    this.#uplink();
    for (const place of ['client', 'server'] as const) this.#pod(place);
  }

  path(place: Place): string {
    return join(this.directory, place);
  }

  /** Of a link in the node's namespace. */
  ifindex(link: string): number {
    return Number(/^(\d+):/.exec(this.run('node', `ip -o link show ${link}`))![1]);
  }

  mac(pod: 'client' | 'server'): Mac {
    return parseMac(/link\/ether (\S+)/.exec(this.run(pod, 'ip -o link show eth0'))![1]!);
  }

  run(place: Place, script: string): string {
    return inside(this.path(place), script);
  }

  /**
   * A program in a place, spoken to by lines; it ends with the machine. Servers run on the first processor and
   * clients on the last: where the scheduler puts them is a third of the time.
   */
  start(
    place: Place,
    argv: readonly string[],
    options: { anyCpu?: boolean; cpu?: number } = {},
  ): LineProcess {
    const last = availableParallelism() - 1;
    const cpu = options.anyCpu ? `0-${last}` : (options.cpu ?? (place === 'server' ? 0 : last));
    const managed = this.#cgroup !== undefined && place !== 'outside';
    const enter = managed ? `echo $$ > ${this.#cgroup}/cgroup.procs; ` : '';
    const script = `${enter}exec nsenter --net=${this.path(place)} taskset -c ${cpu} ${argv.join(' ')}`;
    const process = new LineProcess(
      spawn('sh', ['-ec', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
      argv,
    );
    this.#children.add(process.child);
    return process;
  }

  async close(): Promise<void> {
    const ended = [...this.#children].map((child) => endOf(child));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ended);
    this.node.close();
    for (const place of places) deleteNetns(this.path(place));
    if (this.#cgroup) rmdirSync(this.#cgroup);
  }

  #uplink(): void {
    const outside = this.path('outside');
    this.run(
      'node',
      `echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
       ip link add eth0 type veth peer name eth0 netns ${outside}; ${quiet}
       ip link set lo up; ip link set eth0 up
       ip addr add ${nodeIps[4]}/24 dev eth0; ip addr add ${nodeIps[6]}/64 dev eth0 nodad`,
    );
    this.run(
      'outside',
      `${quiet}; ${manyPorts}
       ip link set lo up; ip link set eth0 up
       ip addr add ${outsideIps[4]}/24 dev eth0; ip addr add ${outsideIps[6]}/64 dev eth0 nodad`,
    );
  }

  /** As Tendril plugs pods in. */
  #pod(pod: 'client' | 'server'): void {
    const ips = podIps[pod];
    this.run(
      'node',
      `ip link add ${pod} address ${hostMac} type veth peer name eth0 netns ${this.path(pod)}
       ${quiet}
       ip link set ${pod} up; ip route add ${ips[4]} dev ${pod}; ip -6 route add ${ips[6]} dev ${pod}`,
    );
    this.run(
      pod,
      `${quiet}; ${manyPorts}
       ip link set lo up; ip link set eth0 up
       ip addr add ${ips[4]}/32 dev eth0; ip addr add ${ips[6]}/128 dev eth0 nodad
       ip neigh add 169.254.1.1 lladdr ${hostMac} dev eth0; ip neigh add fe80::1 lladdr ${hostMac} dev eth0
       ip route add 169.254.1.1 dev eth0; ip route add default via 169.254.1.1
       ip -6 route add default via fe80::1 dev eth0`,
    );
  }
}

/** Addresses at once, no reverse path filter. */
const quiet =
  'for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done';
const manyPorts =
  'echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range; echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse';

function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** A process that answers lines by lines. */
export class LineProcess {
  readonly child: ChildProcess;
  readonly #argv: readonly string[];
  readonly #waiting: { count: number; lines: string[]; resolve(lines: string[]): void }[] = [];
  readonly #unread: string[] = [];
  #ended: Error | undefined;
  #rejects = new Set<(error: Error) => void>();

  constructor(child: ChildProcess, argv: readonly string[]) {
    this.child = child;
    this.#argv = argv;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.#unread.push(line);
      this.#deliver();
    });
    child.once('exit', () => {
      this.#ended = new Error(`${this.#argv.join(' ')} ended`);
      for (const reject of this.#rejects) reject(this.#ended);
    });
  }

  /** Writes a line and resolves with the next `count` lines. @throws Error when the process ends before */
  ask(line: string, count = 1): Promise<string[]> {
    this.child.stdin!.write(`${line}\n`);
    return this.lines(count);
  }

  lines(count: number): Promise<string[]> {
    if (this.#ended) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    this.#rejects.add(reject);
    const settle = (lines: string[]) => {
      this.#rejects.delete(reject);
      resolve(lines);
    };
    this.#waiting.push({ count, lines: [], resolve: settle });
    this.#deliver();
    return promise;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  #deliver(): void {
    for (let next = this.#waiting[0]; next && this.#unread.length >= next.count; next = this.#waiting[0]) {
      this.#waiting.shift();
      next.resolve(this.#unread.splice(0, next.count));
    }
  }
}

/** Compiles a program of bench/native into a directory; its path. */
export function compile(name: string, directory: string): string {
  const output = join(directory, name);
  const source = join(import.meta.dirname, '../native', `${name}.c`);
  execFileSync('clang', ['-O2', '-static', '-D_GNU_SOURCE', '-Wall', '-o', output, source]);
  return output;
}

/** The same of a BPF program, `NAME.bpf.c`. */
export function compileBpf(name: string, directory: string): string {
  const output = join(directory, `${name}.bpf.o`);
  const root = join(import.meta.dirname, '../..');
  const include = [`-I${root}/bpf/include`, '-I/usr/include/x86_64-linux-gnu'];
  const source = join(root, 'bench/native', `${name}.bpf.c`);
  execFileSync('clang', ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', ...include, '-c', source, '-o', output]);
  return output;
}
