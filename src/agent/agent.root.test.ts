/**
 * A whole node but for Services: an agent process in a namespace of its own, pods by CNI requests as the shim
 * sends them, real packets. A second namespace is another node and the world behind it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeAnswer, encodeRequest } from '../cni/server/frame.ts';
import { openRouteNetlink } from '../linux/netlink/kernel-route-netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../linux/netns/netns.ts';
import { writeSysctl } from '../linux/sysctl/sysctl.ts';
import { parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { hostInterfaceName } from '../podnet/interface/pod-interface.ts';

const program = join(import.meta.dirname, 'testing', 'agent-process.ts');
const names = ['node', 'peer', 'pod1', 'pod2'] as const;

let directory: string;
let agents: ChildProcess[];

const netns = (name: string) => join(directory, name);
const at = (name: string) => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-agent-'));
  agents = [];
  for (const name of names) createNetns(netns(name));
  wire();
  mkdirSync(at('bpf'));
  writeFileSync(
    at('agent.json'),
    JSON.stringify({
      nodeName: 'node-1',
      kubeconfig: at('kubeconfig'),
      stateDirectory: at('state'),
      bpfDirectory: at('bpf'),
      objectsDirectory: at('objects'),
      cgroup: at('cgroup'),
      uplink: 'eth0',
      serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'],
      clusterPodCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
      cniSocket: at('cni.sock'),
      cniConfDirectory: at('net.d'),
      statusPort: 9353,
    }),
  );
});

afterEach(async () => {
  for (const agent of agents) await killed(agent, 'SIGKILL');
  for (const name of names) deleteNetns(netns(name));
  rmSync(directory, { recursive: true });
});

/** node eth0 — eth0 peer; the peer has a pod's address of node-2 and an address of the world. */
function wire(): void {
  using node = openNetns(netns('node'));
  using peer = openNetns(netns('peer'));
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

function startProcess(env: Record<string, string> = {}): ChildProcess {
  const args = [`--net=${netns('node')}`, process.execPath, program, at('agent.json')];
  const agent = spawn('nsenter', args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  agents.push(agent);
  return agent;
}

/** Resolves when it prints `ready`; its log is in the error when it ends before. */
async function startAgent(env: Record<string, string> = {}): Promise<ChildProcess> {
  const agent = startProcess(env);
  let log = '';
  agent.stderr!.on('data', (chunk) => {
    log += chunk;
  });
  for await (const line of createInterface({ input: agent.stdout! })) if (line === 'ready') return agent;
  throw new Error(`the agent ended: ${log}`);
}

async function killed(agent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  agent.kill(signal);
  await ended;
}

async function cni(command: string, pod: string, config: object = {}) {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: pod,
    CNI_NETNS: netns(pod),
    CNI_IFNAME: 'eth0',
    CNI_ARGS: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${pod};K8S_POD_UID=uid-${pod}`,
  };
  const request = encodeRequest({
    env,
    config: { cniVersion: '1.1.0', name: 'tendril', type: 'tendril', ...config },
  });
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(at('cni.sock'), () => socket.end(request));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks))).on('error', reject);
  });
  const { status, output } = decodeAnswer(answer);
  return { status, output: output === '' ? undefined : JSON.parse(output) };
}

const addressesOf = (output: { ips: { address: string }[] }) =>
  output.ips.map(({ address }) => address.split('/')[0]!);

function run(where: string, command: string): string {
  return execFileSync('nsenter', [`--net=${netns(where)}`, 'sh', '-c', command], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

const ping = (from: string, to: string) => run(from, `ping -c 1 -W 2 ${to}`);

/** The address that `to` sees when `from` sends it a datagram. */
async function seenSource(from: string, to: string): Promise<string> {
  const family = to.includes(':') ? 6 : 4;
  const listener = spawn('nsenter', [`--net=${netns('peer')}`, process.execPath, '-e', listen(family, to)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: listener.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const send = `require('dgram').createSocket('udp${family}').send('x', 7777, '${to}', () => process.exit())`;
  run(from, `${process.execPath} -e "${send}"`);
  const { value } = await lines.next();
  await new Promise((resolve) => (listener.exitCode === null ? listener.once('exit', resolve) : resolve(0)));
  return value as string;
}

const listen = (family: number, address: string) => `
  const socket = require('dgram').createSocket('udp${family}');
  socket.on('message', (_, from) => { console.log(from.address + ' ' + from.port); process.exit(); });
  socket.bind(7777, '${address}', () => console.log('listening'));`;

/** Everything of the node that pods may leave behind. */
function remains(): string {
  return run(
    'node',
    'ip -br link; ip route; ip -6 route; ip neigh show nud permanent; ip -6 neigh show nud permanent',
  );
}

describe('a pod’s network', () => {
  it('reaches pods, nodes and the world, each seeing the right address, in both families', async () => {
    await startAgent();
    const first = await cni('ADD', 'pod1');
    const second = await cni('ADD', 'pod2');
    expect([first.status, second.status]).toEqual([0, 0]);
    const [ips, others] = [addressesOf(first.output), addressesOf(second.output)];
    expect(ips).toEqual(['10.244.1.1', 'fd00:10:244:1::1']);
    for (const ip of others) ping('pod1', ip);
    for (const ip of [
      '172.20.0.1',
      'fd00:10:20::1',
      '10.244.2.9',
      'fd00:10:244:2::9',
      '198.51.100.1',
      '2001:db8::1',
    ]) {
      ping('pod1', ip);
    }
    for (const ip of ips) ping('node', ip);
    for (const [to, seen] of [
      ['10.244.2.9', ips[0]],
      ['fd00:10:244:2::9', ips[1]],
      ['172.20.0.2', ips[0]],
      ['fd00:10:20::2', ips[1]],
      ['198.51.100.1', '172.20.0.1'],
      ['2001:db8::1', 'fd00:10:20::1'],
    ] as const) {
      const [address, port] = (await seenSource('pod1', to)).split(' ');
      expect([to, address]).toEqual([to, seen]);
      if (seen !== ips[0] && seen !== ips[1])
        expect(Number(port)).toSatisfy((p: number) => p >= 32768 && p < 45000);
    }
    expect((await cni('CHECK', 'pod1', { prevResult: first.output })).status).toBe(0);
  });

  it('is gone without a trace after DEL, which may come twice', async () => {
    await startAgent();
    const before = remains();
    await cni('ADD', 'pod1');
    expect(remains()).not.toBe(before);
    expect((await cni('DEL', 'pod1')).status).toBe(0);
    expect((await cni('DEL', 'pod1')).status).toBe(0);
    expect(remains()).toBe(before);
    expect(run('pod1', 'ip -br link')).not.toContain('eth0');
  });

  it('is the same when ADD comes again, and is mended when it is broken', async () => {
    await startAgent();
    const first = await cni('ADD', 'pod1');
    expect(await cni('ADD', 'pod1')).toEqual(first);
    run('pod1', 'ip route del default');
    expect((await cni('CHECK', 'pod1', { prevResult: first.output })).output).toMatchObject({
      code: 101,
      msg: 'the route to everywhere by eth0 is missing',
    });
    expect(await cni('ADD', 'pod1')).toEqual(first);
    ping('pod1', '172.20.0.1');
  });

  it('is not made where another plugin’s eth0 is, and nothing is left of the attempt', async () => {
    await startAgent();
    const before = remains();
    using pod = openNetns(netns('pod1'));
    using netlink = openRouteNetlink(pod);
    netlink.addLink({ kind: 'bridge', name: 'eth0' });
    const { status, output } = await cni('ADD', 'pod1');
    expect([status, output.msg]).toEqual([1, expect.stringContaining('exists')]);
    expect(remains()).toBe(before);
    expect((await cni('CHECK', 'pod1')).output.code).toBe(3);
  });

  it('is counted, with the time that it took', async () => {
    await startAgent();
    await cni('ADD', 'pod1');
    await cni('ADD', 'pod2');
    const metrics = run('node', 'curl -s http://172.20.0.1:9353/metrics');
    expect(metrics).toContain('tendril_cni_call_seconds_count{command="ADD"} 2');
    expect(metrics).toMatch(/tendril_cni_call_seconds_sum\{command="ADD"\} 0\.\d+/);
  });
});

describe('an agent', () => {
  it('writes the conflist once pods can start', async () => {
    await startAgent();
    expect(JSON.parse(readFileSync(at('net.d/05-tendril.conflist'), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
      name: 'tendril',
      plugins: [{ type: 'tendril', socket: at('cni.sock') }],
    });
    expect((await cni('STATUS', 'pod1')).status).toBe(0);
    expect(JSON.parse(run('node', 'curl -s http://172.20.0.1:9353/status'))).toMatchObject({
      node: 'node-1',
      ready: true,
      network: { synced: true, nodes: 2, problems: [] },
      services: { synced: true },
    });
    expect(run('node', 'curl -s http://172.20.0.1:9353/readyz')).toBe('ok\n');
    expect(run('node', 'curl -s http://172.20.0.1:9353/metrics')).toContain('tendril_ipam_addresses');
  });

  it('that is killed leaves traffic alone, and the next one takes the pods over', async () => {
    const agent = await startAgent();
    const first = await cni('ADD', 'pod1');
    await killed(agent, 'SIGKILL');
    ping('pod1', '172.20.0.1');
    ping('pod1', '10.244.2.9');
    await startAgent();
    ping('pod1', '10.244.2.9');
    expect(await cni('ADD', 'pod1')).toEqual(first);
    expect(addressesOf((await cni('ADD', 'pod2')).output)).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
  });

  it('that is killed in the middle of an ADD leaves nothing once the next one runs', async () => {
    const clean = await startAgent();
    const before = remains();
    await killed(clean, 'SIGTERM');
    const crashing = await startAgent({ CRASH_AT_ATTACH: '1' });
    const ended = new Promise((resolve) => crashing.once('exit', resolve));
    await cni('ADD', 'pod1').catch(() => {});
    await ended;
    expect(run('node', 'ip -br link')).toContain(hostInterfaceName({ containerId: 'pod1', ifName: 'eth0' }));
    await startAgent();
    expect(remains()).toBe(before);
    expect(JSON.parse(run('node', 'curl -s http://172.20.0.1:9353/status')).pods).toEqual([]);
  });

  it('keeps serving pods while the API is away, where pinned state is in force', async () => {
    const agent = await startAgent();
    await killed(agent, 'SIGKILL');
    await startAgent({ API_AWAY: '1' });
    expect((await cni('STATUS', 'pod1')).status).toBe(0);
    expect((await cni('ADD', 'pod1')).status).toBe(0);
    ping('pod1', '10.244.2.9');
  });

  it('whose maps start empty leaves pods the programs they have until it knows of all Services', async () => {
    const agent = await startAgent();
    const first = await cni('ADD', 'pod1');
    await killed(agent, 'SIGKILL');
    const waiting = startProcess({ MAPS_LOST: '1' });
    expect((await untilAnswer(() => cni('STATUS', 'pod1'))).output).toMatchObject({ code: 50 });
    const status = JSON.parse(run('node', 'curl -s http://172.20.0.1:9353/status'));
    expect([status.pods.length, status.services.pods]).toEqual([1, 0]);
    ping('pod1', '10.244.2.9');
    await killed(waiting, 'SIGKILL');
    // The maps are there now, but nobody has filled them: still not before all Services are known.
    await startAgent();
    expect(await cni('ADD', 'pod1')).toEqual(first);
    expect(JSON.parse(run('node', 'curl -s http://172.20.0.1:9353/status')).services.pods).toBe(1);
  });

  it('without pinned state waits for the API, and says so', async () => {
    startProcess({ API_AWAY: '1' });
    const status = await untilAnswer(() => cni('STATUS', 'pod1'));
    expect(status.output).toMatchObject({ code: 50 });
    expect((await cni('ADD', 'pod1')).output).toMatchObject({ code: 11 });
    expect((await cni('DEL', 'pod1')).status).toBe(0);
  });

  it('ends on SIGTERM, leaves the datapath, and removes its socket', async () => {
    const agent = await startAgent();
    await cni('ADD', 'pod1');
    await killed(agent, 'SIGTERM');
    expect(agent.exitCode).toBe(0);
    ping('pod1', '10.244.2.9');
    await expect(cni('STATUS', 'pod1')).rejects.toThrow('ENOENT');
  });
});

/** Asks again at every turn until the socket is there; the test's own timeout is the bound. */
async function untilAnswer<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
