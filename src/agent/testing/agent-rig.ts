/**
 * A node for tests: an agent process in a namespace of its own, pods by CNI requests as the shim sends them, real
 * packets. A second namespace is another node and the world behind it:
 *
 *     node eth0 172.20.0.1 ── eth0 172.20.0.2 peer, with a pod's address of node-2 and an address of the world
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeAnswer, encodeRequest } from '../../cni/server/frame.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../linux/netns/netns.ts';
import { writeSysctl } from '../../linux/sysctl/sysctl.ts';
import { parseCidr } from '../../net/cidr.ts';
import { parseIp } from '../../net/ip.ts';

const program = join(import.meta.dirname, 'agent-process.ts');
const objectsDirectory = join(import.meta.dirname, '../../../dist/bpf');
const names = ['node', 'peer', 'pod1', 'pod2'] as const;

export class AgentRig {
  readonly #directory = mkdtempSync(join(tmpdir(), 'tendril-agent-'));
  readonly #processes: ChildProcess[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #socket: string;

  /**
   * With `bpf` there are a bpffs and a cgroup, for an agent that translates Services (`REAL_SERVICES`). `config` gives
   * other values of the agent's, by paths of the rig's.
   */
  constructor({ bpf = false, config }: { bpf?: boolean; config?: (rig: AgentRig) => object } = {}) {
    mkdirSync(this.at('bpf'));
    const cgroup = bpf ? this.#makeBpfPlaces() : this.at('cgroup');
    for (const name of names) createNetns(this.netns(name));
    wire(this.netns('node'), this.netns('peer'));
    const values = { ...this.#config(cgroup), ...config?.(this) };
    this.#socket = values.cniSocket;
    writeFileSync(this.at('agent.json'), JSON.stringify(values));
  }

  netns(name: string): string {
    return join(this.#directory, name);
  }

  /** Path of a file of the node's. */
  at(name: string): string {
    return join(this.#directory, name);
  }

  async close(): Promise<void> {
    for (const process of this.#processes) await killed(process, 'SIGKILL');
    for (const name of names) deleteNetns(this.netns(name));
    for (const undo of this.#undo.reverse()) undo();
    rmSync(this.#directory, { recursive: true });
  }

  startProcess(env: Record<string, string> = {}): ChildProcess {
    return this.spawn('node', [process.execPath, program, this.at('agent.json')], env);
  }

  /** Resolves when it prints `ready`; its log is in the error when it ends before. */
  async startAgent(env: Record<string, string> = {}): Promise<ChildProcess> {
    const agent = this.startProcess(env);
    let log = '';
    agent.stderr!.on('data', (chunk) => {
      log += chunk;
    });
    for await (const line of createInterface({ input: agent.stdout! })) if (line === 'ready') return agent;
    throw new Error(`the agent ended: ${log}`);
  }

  /** Runs in a namespace until it ends, or the rig does. */
  spawn(where: string, argv: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn('nsenter', [`--net=${this.netns(where)}`, ...argv], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#processes.push(child);
    return child;
  }

  async cni(command: string, pod: string, config: object = {}) {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod,
      CNI_NETNS: this.netns(pod),
      CNI_IFNAME: 'eth0',
      CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod};K8S_POD_UID=uid-${pod}`,
    };
    const request = encodeRequest({
      env,
      config: { cniVersion: '1.1.0', name: 'tendril', type: 'tendril', ...config },
    });
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(this.#socket, () => socket.end(request));
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => resolve(Buffer.concat(chunks))).on('error', reject);
    });
    const { status, output } = decodeAnswer(answer);
    return { status, output: output === '' ? undefined : JSON.parse(output) };
  }

  /** A shell command's output, in a namespace. */
  run(where: string, command: string): string {
    return execFileSync('nsenter', [`--net=${this.netns(where)}`, 'sh', '-c', command], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  ping(from: string, to: string): void {
    this.run(from, `ping -c 1 -W 2 ${to}`);
  }

  /** Everything of the node that pods may leave behind. */
  remains(): string {
    return this.run(
      'node',
      'ip -br link; ip route; ip -6 route; ip neigh show nud permanent; ip -6 neigh show nud permanent',
    );
  }

  #makeBpfPlaces(): string {
    execFileSync('mount', ['-t', 'bpf', 'bpf', this.at('bpf')]);
    this.#undo.push(() => execFileSync('umount', ['-l', this.at('bpf')]));
    const cgroup = join(cgroupMount(), basename(this.#directory));
    mkdirSync(cgroup);
    this.#undo.push(() => rmdirSync(cgroup));
    return cgroup;
  }

  #config(cgroup: string) {
    return {
      nodeName: 'node-1',
      kubeconfig: this.at('kubeconfig'),
      stateDirectory: this.at('state'),
      bpfDirectory: this.at('bpf'),
      objectsDirectory,
      cgroup,
      uplink: 'eth0',
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      clusterPodCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
      cniSocket: this.at('cni.sock'),
      cniConfDirectory: this.at('net.d'),
      statusPort: 9353,
    };
  }
}

export async function killed(process: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = new Promise((resolve) => process.once('exit', resolve));
  process.kill(signal);
  await ended;
}

const patienceMs = 15_000;

/** Asks again until it is answered. @throws what the last question came to, when the time is over */
export async function untilAnswer<T>(ask: () => T | Promise<T>): Promise<T> {
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function wire(nodePath: string, peerPath: string): void {
  using node = openNetns(nodePath);
  using peer = openNetns(peerPath);
  using here = openRouteNetlink(node);
  using there = openRouteNetlink(peer);
  here.addLink({ kind: 'veth', name: 'eth0', peer: { name: 'eth0', netns: peer } });
  // A link-local address that is still in duplicate detection cannot ask for neighbours.
  for (const end of [node, peer]) writeSysctl(end, { 'net.ipv6.conf.eth0.accept_dad': 0 });
  const ends = [here, there].map((end) => ({ end, link: end.link('eth0')!.index }));
  ends.forEach(({ end, link }, i) => {
    end.setLink(link, { up: true });
    end.ensureAddress({ link, ip: parseIp(`172.20.0.${i + 1}`), prefix: 16 });
    end.ensureAddress({ link, ip: parseIp(`fd00:10:20::${i + 1}`), prefix: 64, noDad: true });
  });
  const [near, far] = ends as [(typeof ends)[0], (typeof ends)[0]];
  for (const family of [4, 6] as const) {
    near.end.ensureRoute({
      family,
      gateway: parseIp(family === 4 ? '172.20.0.2' : 'fd00:10:20::2'),
      link: near.link,
    });
    const destination = parseCidr(family === 4 ? '10.244.1.0/24' : 'fd00:10:244:1::/64');
    const gateway = parseIp(family === 4 ? '172.20.0.1' : 'fd00:10:20::1');
    far.end.ensureRoute({ family, destination, gateway, link: far.link });
  }
  const lo = there.link('lo')!.index;
  for (const ip of ['10.244.2.9', '198.51.100.1'])
    there.ensureAddress({ link: lo, ip: parseIp(ip), prefix: 32 });
  for (const ip of ['fd00:10:244:2::9', '2001:db8::1']) {
    there.ensureAddress({ link: lo, ip: parseIp(ip), prefix: 128, noDad: true });
  }
  writeSysctl(peer, { 'net.ipv4.conf.all.rp_filter': 0 });
}
