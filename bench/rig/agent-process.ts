/**
 * The Services' part of an agent, as a process in a node's namespace: real reflectors, stores and proxy, and beside
 * them a pod's attachment every few ms, as a CNI ADD would ask for it. Answers each line on stdin with a Report.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHttpClient } from '../../src/kube/client/http-client.ts';
import { createInformers } from '../../src/kube/client/informers.ts';
import { loadKubeconfig } from '../../src/kube/client/kubeconfig.ts';
import { resources } from '../../src/kube/resources.ts';
import { returnFreeMemory } from '../../src/linux/memory.ts';
import { parseIp } from '../../src/net/ip.ts';
import { parseMac } from '../../src/net/mac.ts';
import { keptObjects } from '../../src/service/model/kept-objects.ts';
import { createServiceProxy } from '../../src/service/service-proxy.ts';
import { keepHeapSmall } from '../../src/util/heap.ts';
import { createLogger } from '../../src/util/logger.ts';
import { percentileOf } from '../report.ts';

export interface AgentSettings {
  kubeconfig: string;
  node: string;
  addresses: string[];
  bpf: { objectsDirectory: string; pinDirectory: string; cgroup: string; uplinkIfindex: number };
  pod: { ifindex: number; ips: string[]; mac: string };
}

export interface AgentReport {
  /** From the process's start until all objects are in the stores, and until all are in the kernel. */
  listedMs: number;
  syncedMs: number;
  /** While it listed and synced. */
  loopDelayMs: { p99: number; max: number };
  /** From when an attachment was due until it was done. */
  attachMs: { p99: number; max: number; count: number };
  residentMib: number;
  /** What is alive of the heap; only where it was asked for, as it stops the world. */
  liveMib: number | undefined;
  services: number;
  backends: number;
}

const attachEveryMs = 5;
keepHeapSmall();
const settings = JSON.parse(process.argv[2]!) as AgentSettings;
const logger = createLogger({ level: 'warn' });
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

const client = createHttpClient(await loadKubeconfig(settings.kubeconfig));
const informers = createInformers({ client, logger, kept: keptObjects });
const proxy = createServiceProxy({
  services: informers.store(resources.services),
  slices: informers.store(resources.endpointSlices),
  node: { name: settings.node, addresses: () => settings.addresses.map(parseIp) },
  bpf: settings.bpf,
  logger,
});
await proxy.start();
const pod = {
  ifindex: settings.pod.ifindex,
  ips: settings.pod.ips.map(parseIp),
  mac: parseMac(settings.pod.mac),
};
const attachments: number[] = [];
let due = performance.now() + attachEveryMs;
const attaching = setInterval(() => {
  proxy.attachPod(pod);
  attachments.push(performance.now() - due);
  due = performance.now() + attachEveryMs;
}, attachEveryMs);
informers.start();
await informers.allSynced();
const listedMs = performance.now();
await proxy.synced();
const syncedMs = performance.now();
clearInterval(attaching);
delay.disable();
returnFreeMemory();

for await (const question of createInterface({ input: process.stdin })) {
  const memory = process.memoryUsage();
  const { services, backends } = proxy.status();
  const report: AgentReport = {
    ...{ listedMs, syncedMs, services, backends },
    loopDelayMs: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
    attachMs: {
      ...{ p99: percentileOf(attachments, 0.99), max: Math.max(...attachments) },
      count: attachments.length,
    },
    residentMib: memory.rss / 2 ** 20,
    liveMib: question === 'live' ? liveHeap() / 2 ** 20 : undefined,
  };
  console.log(JSON.stringify(report));
}
await proxy.stop();
process.exit(0);

function liveHeap(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
