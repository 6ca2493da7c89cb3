/**
 * One endpoint changes among 10,000 Services × 5 endpoints: how long from the watch event until the kernel has it, and
 * how many entries are written. kube-proxy: from the API's event until the kernel tells of the new rule, which
 * includes the second that it waits between syncs; so its own figure for a sync stands beside it.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resources } from '../src/kube/resources.ts';
import type { KubeProxy } from './peers/kube-proxy.ts';
import { medianOf, percentileOf, type Report } from './report.ts';
import { Arena } from './rig/arena.ts';
import { type ClusterObjects, changedAddress, objectsOf, withOneChanged } from './rig/objects.ts';
import type { MapWriteEvent } from './rig/observed-bpf.ts';

export const claim = 'one endpoint among 50,000 is in the kernel within 5 ms (p99), by a handful of writes';

const shape = { services: 10_000, endpoints: 5, families: [4] as const };
const changes = 250;
/** Longer than the proxy waits between syncs, and far more often than that. */
const paces = [
  { name: 'one at a time', everyMs: 60 },
  { name: '200 a second', everyMs: 5 },
];
const peerChanges = 12;

export async function run(report: Report): Promise<void> {
  const writes: MapWriteEvent[] = [];
  await using arena = await Arena.open({
    modes: ['nftables', 'iptables'],
    onWrite: (event) => void writes.push(event),
  });
  const objects = objectsOf(shape);
  // Before the peers are told: their API server's objects would be collected in this process.
  await arena.serve(objects, { peers: false });
  let serial = 0;
  for (const { name, everyMs } of paces) {
    const change = () => changeOne(objects, serial++);
    const { latencies, entries } = await changeOurs(arena, { writes, everyMs, change });
    reportLatencies(report, `endpoint change, ${name}`, latencies);
    report({ name: `entries written a change, ${name}`, value: entries, unit: 'entries', runs: changes });
  }
  const served = await arena.serve(objects);
  for (const peer of arena.peers.filter((peer) => served.has(peer)))
    await reportPeer(arena, { peer, objects, firstSerial: serial }, report);
}

function changeOne({ slices }: ClusterObjects, serial: number) {
  const at = (serial * 37) % slices.length;
  slices[at] = withOneChanged(slices[at]!, serial);
  return slices[at]!;
}

/**
 * A change counts as done with the last write before the revision that it made is in force. Only who wrote is asked for that:
 * a status walks all Services, and a thousand a second would be measured too.
 */
async function changeOurs(
  { ours }: Arena,
  options: { writes: MapWriteEvent[]; everyMs: number; change: () => ReturnType<typeof changeOne> },
): Promise<{ latencies: number[]; entries: number }> {
  const { writes, everyMs, change } = options;
  writes.length = 0;
  const open: { version: number; start: number }[] = [];
  const latencies: number[] = [];
  let settled = 0;
  const settle = () => {
    if (writes.length === settled) return;
    const inForce = Number(ours.proxy.status().revision);
    if (open.length === 0 || open[0]!.version > inForce) return;
    settled = writes.length;
    while (open.length > 0 && open[0]!.version <= inForce)
      latencies.push(writes.at(-1)!.at - open.shift()!.start);
  };
  for (let done = 0; done < changes; done++) {
    const slice = change();
    open.push({ version: Number(slice.metadata.resourceVersion), start: performance.now() });
    ours.slices.set(slice);
    const next = performance.now() + everyMs;
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
      settle();
    } while (performance.now() < next);
  }
  while (open.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    settle();
  }
  return { latencies, entries: writes.reduce((sum, write) => sum + write.entries, 0) / changes };
}

function reportLatencies(report: Report, name: string, latencies: readonly number[]): void {
  const { median, interval } = medianOf(latencies);
  const runs = latencies.length;
  report({ name: `${name}, p50`, value: median, interval, unit: 'ms', runs });
  report({ name: `${name}, p99`, value: percentileOf(latencies, 0.99), unit: 'ms', runs });
}

async function reportPeer(
  arena: Arena,
  options: { peer: KubeProxy; objects: ClusterObjects; firstSerial: number },
  report: Report,
): Promise<void> {
  const { peer, objects, firstSerial } = options;
  const sync = 'kubeproxy_sync_proxy_rules_duration_seconds';
  const before = { sum: await peer.metric(`${sync}_sum`), count: await peer.metric(`${sync}_count`) };
  const latencies: number[] = [];
  using monitor = new RuleMonitor(peer);
  for (let done = 0; done < peerChanges; done++) {
    const serial = firstSerial + done;
    const seen = monitor.sees(changedAddress(serial));
    const start = performance.now();
    arena.api.put(resources.endpointSlices, changeOne(objects, serial));
    latencies.push((await seen) - start);
    // Past the second in which the next sync would wait.
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  const sum = (await peer.metric(`${sync}_sum`)) - before.sum;
  const count = (await peer.metric(`${sync}_count`)) - before.count;
  reportLatencies(report, `endpoint change, ${peer.name}`, latencies);
  report({
    name: `a sync, ${peer.name} by its own metric`,
    value: (sum / count) * 1000,
    unit: 'ms',
    runs: count,
  });
}

/** Resolves when the kernel tells of an nftables rule or element with an address; iptables' rules are such too. */
class RuleMonitor {
  readonly #child: ReturnType<typeof spawn>;
  #wanted: { address: string; resolve: (at: number) => void } | undefined;

  constructor(peer: KubeProxy) {
    const argv = [`--net=${peer.machine.path('node')}`, 'stdbuf', '-oL', 'nft', 'monitor', 'new'];
    this.#child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (this.#wanted && line.includes(this.#wanted.address)) this.#wanted.resolve(performance.now());
    });
  }

  sees(address: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(() => reject(new Error(`no rule with ${address} within 60 s`)), 60_000);
    this.#wanted = {
      address,
      resolve: (at) => {
        clearTimeout(timer);
        this.#wanted = undefined;
        resolve(at);
      },
    };
    return promise;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
