/**
 * connect() through a ClusterIP, with the whole datapath on the pods' veths, against connect() to a pod on plain
 * veth with none of our programs anywhere: same node, same kinds of namespaces, runs of both taking turns.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { bpfIn, inside, objectsDirectory } from '../bpf/tests/cluster.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../src/linux/netns/netns.ts';
import { parseIp } from '../src/net/ip.ts';
import { parseMac } from '../src/net/mac.ts';
import { Datapath } from '../src/service/backends/ebpf/datapath.ts';
import { EbpfServiceBackend } from '../src/service/backends/ebpf/ebpf-backend.ts';
import type { ServicePortState, ServiceState } from '../src/service/model/service-state.ts';
import { type createReporter, medianOf } from './report.ts';

export const claim =
  'connect() through a ClusterIP costs at most 1.10 times connect() to a pod on plain veth';

const sizes = [100, 10_000, 100_000];
const families = [4, 6] as const;
const [rounds, perRound, warmUp] = [200, 20, 500];
const port = 8080;

export async function run(report: ReturnType<typeof createReporter>): Promise<void> {
  const rig = new Rig();
  try {
    await rig.start();
    for (const count of sizes) {
      await rig.serve(count);
      for (const family of families) {
        const { plain, service, ratio } = await rig.measure(family, count);
        report({
          name: `connect by ClusterIP, IPv${family}, ${count} service ports`,
          value: service.median / 1000,
          interval: [service.interval[0] / 1000, service.interval[1] / 1000],
          unit: 'µs',
          peer: 'pod on plain veth',
          peerValue: plain.median / 1000,
          ratio,
          runs: rounds * perRound,
        });
      }
    }
  } finally {
    rig.close();
  }
}

/** The n-th Service's address; the last one is measured: no luck of being first. */
function clusterIp(family: 4 | 6, n: number): string {
  const [high, low] = [Math.floor(n / 250), (n % 250) + 1];
  return family === 4
    ? `10.${100 + (high >> 8)}.${high & 255}.${low}`
    : `fd00:96::${high.toString(16)}:${low.toString(16)}`;
}

const podIp = (family: 4 | 6, n: number) => (family === 4 ? `10.244.1.${n}` : `fd00:244:1::${n}`);

/** Pods 1 and 2, client and server, plain; 3 and 4 with the datapath. */
const pods = { plainClient: 1, plainServer: 2, client: 3, server: 4 };

class Rig {
  readonly #root = mkdtempSync(join(tmpdir(), 'tendril-bench-'));
  readonly #cgroup = join(
    existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup',
    'tendril-bench',
  );
  readonly #node: NetnsHandle;
  readonly #datapath: Datapath;
  readonly #backend: EbpfServiceBackend;
  readonly #children: ChildProcess[] = [];
  readonly #program = join(this.#root, 'connect-time');
  #version = 0;

  constructor() {
    const source = join(import.meta.dirname, 'native', 'connect-time.c');
    execFileSync('clang', ['-O2', '-static', '-D_GNU_SOURCE', '-o', this.#program, source]);
    mkdirSync(join(this.#root, 'bpf'));
    execFileSync('mount', ['-t', 'bpf', 'bpf', join(this.#root, 'bpf')]);
    mkdirSync(this.#cgroup, { recursive: true });
    createNetns(this.#path('node'));
    this.#node = openNetns(this.#path('node'));
    inside(this.#path('node'), nodeNetwork);
    for (const number of Object.values(pods)) this.#pod(number);
    this.#datapath = new Datapath({
      bpf: bpfIn(this.#node),
      objectsDirectory,
      pinDirectory: join(this.#root, 'bpf', 'node'),
      cgroup: this.#cgroup,
      uplinkIfindex: this.#ifindex('eth0'),
      netnsCookie: 1n,
    });
    this.#backend = new EbpfServiceBackend(this.#datapath);
  }

  async start(): Promise<void> {
    await this.#backend.probe();
    for (const number of [pods.client, pods.server]) {
      const mac = /link\/ether (\S+)/.exec(inside(this.#path(`pod${number}`), 'ip -o link show eth0'))![1]!;
      const ips = families.map((family) => parseIp(podIp(family, number)));
      this.#datapath.attachPod({ ifindex: this.#ifindex(`pod${number}`), ips, mac: parseMac(mac) });
    }
    for (const number of [pods.plainServer, pods.server]) {
      const { child, lines } = this.#start(number, ['serve', String(port)]);
      await once(lines, child);
    }
  }

  async serve(count: number): Promise<void> {
    const ports = new Map(
      Array.from({ length: count }, (_, n) => servicePort(n)).map((state) => [state.name, state]),
    );
    const state: ServiceState = {
      ports,
      healthChecks: new Map(),
      nodeAddresses: [parseIp('10.9.0.1')],
      version: ++this.#version,
      changes: { since: -1, ports: new Set() },
    };
    await this.#backend.sync(state);
  }

  /**
   * Both kinds take turns of under a millisecond, in an order that alternates: what disturbs one disturbs the other.
   * The ratio is the median of the turns' ratios.
   */
  async measure(family: 4 | 6, count: number) {
    const plain = this.#start(pods.plainClient, ['connect', podIp(family, pods.plainServer), String(port)]);
    const service = this.#start(pods.client, ['connect', clusterIp(family, count - 1), '80']);
    const samples = { plain: [] as number[], service: [] as number[] };
    const ratios: number[] = [];
    for (const client of [plain, service]) await take(client, warmUp);
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 ? (['service', 'plain'] as const) : (['plain', 'service'] as const);
      const medians = { plain: 0, service: 0 };
      for (const kind of order) {
        const values = await take(kind === 'plain' ? plain : service, perRound);
        samples[kind].push(...values);
        medians[kind] = medianOf(values).median;
      }
      ratios.push(medians.service / medians.plain);
    }
    for (const { child } of [plain, service]) child.kill();
    const ratio = medianOf(ratios).median;
    return { plain: medianOf(samples.plain), service: medianOf(samples.service), ratio };
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#datapath.clear();
    this.#datapath.close();
    this.#node.close();
    for (const name of ['node', ...Object.values(pods).map((n) => `pod${n}`)]) deleteNetns(this.#path(name));
    execFileSync('umount', ['-l', join(this.#root, 'bpf')]);
    removeCgroup(this.#cgroup);
    rmSync(this.#root, { recursive: true });
  }

  #path(name: string): string {
    return join(this.#root, name);
  }

  #ifindex(name: string): number {
    return Number(/^(\d+):/.exec(inside(this.#path('node'), `ip -o link show ${name}`))![1]);
  }

  /** Routed veth, as Tendril plugs pods in. */
  #pod(number: number): void {
    const pod = this.#path(`pod${number}`);
    createNetns(pod);
    inside(
      this.#path('node'),
      `ip link add pod${number} address 02:00:00:00:00:01 type veth peer name eth0 netns ${pod}
       ${quiet}
       ip link set pod${number} up
       ip route add ${podIp(4, number)} dev pod${number}; ip -6 route add ${podIp(6, number)} dev pod${number}`,
    );
    inside(
      pod,
      `${quiet}
       ip link set lo up; ip link set eth0 up
       ip addr add ${podIp(4, number)}/32 dev eth0; ip addr add ${podIp(6, number)}/128 dev eth0 nodad
       ip neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0; ip neigh add fe80::1 lladdr 02:00:00:00:00:01 dev eth0
       ip route add 169.254.1.1 dev eth0; ip route add default via 169.254.1.1
       ip -6 route add default via fe80::1 dev eth0`,
    );
  }

  #start(pod: number, argv: string[]) {
    const managed = pod === pods.client || pod === pods.server;
    const join = managed ? `echo $$ > ${this.#cgroup}/cgroup.procs; ` : '';
    // Both servers on one CPU and both clients on another: where the scheduler puts them is a third of the time.
    const cpu = argv[0] === 'serve' ? 0 : availableParallelism() - 1;
    const program = `taskset -c ${cpu} ${this.#program} ${argv.join(' ')}`;
    const script = `${join}exec nsenter --net=${this.#path(`pod${pod}`)} ${program}`;
    const child = spawn('sh', ['-ec', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    return { child, lines: createInterface({ input: child.stdout! }) };
  }
}

/** Addresses at once, no reverse path filter. */
const quiet =
  'for f in /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done';
const nodeNetwork = `
  echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  ip link add eth0 type veth peer name far; ip link set eth0 up; ip link set far up; ip link set lo up
  ip addr add 10.9.0.1/24 dev eth0`;

function servicePort(n: number): ServicePortState {
  const endpoint = (family: 4 | 6) => ({
    ip: parseIp(podIp(family, pods.server)),
    port,
    ready: true,
    serving: true,
    terminating: false,
    local: true,
    forZones: [],
    forNodes: [],
  });
  const choice = (family: 4 | 6) => ({ cluster: [endpoint(family)], local: [], held: [], any: true });
  return {
    name: `default/s${n}:/TCP`,
    protocol: 'TCP',
    frontends: families.map((family) => ({
      kind: 'ClusterIP',
      ip: parseIp(clusterIp(family, n)),
      port: 80,
      loopback: false,
      sourceRanges: [],
    })),
    internalPolicy: 'Cluster',
    externalPolicy: 'Cluster',
    affinitySeconds: 0,
    maglev: false,
    dsr: false,
    endpoints: { 4: choice(4), 6: choice(6) },
  };
}

function once(lines: Interface, child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', () => reject(new Error('connect-time ended')));
  });
}

/** ns of `count` connections. */
async function take(client: { child: ChildProcess; lines: Interface }, count: number): Promise<number[]> {
  const { promise, resolve, reject } = Promise.withResolvers<number[]>();
  const values: number[] = [];
  const onLine = (line: string) => {
    if (values.push(Number(line)) === count) resolve(values);
  };
  const onExit = () => reject(new Error('connect-time ended'));
  client.lines.on('line', onLine);
  client.child.once('exit', onExit);
  client.child.stdin!.write(`${count}\n`);
  const taken = await promise;
  client.lines.off('line', onLine);
  client.child.off('exit', onExit);
  return taken;
}

/** Its processes were killed; the kernel may still be reaping them. */
function removeCgroup(path: string): void {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (tries > 50) throw error;
      execFileSync('sleep', ['0.02']);
    }
  }
}
