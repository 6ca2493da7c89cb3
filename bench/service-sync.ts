/**
 * All Services from nothing: a process of ours, with the agent's reflectors, stores and proxy, and real kube-proxy, both
 * told by the same API server, each on an empty node. While ours syncs, a pod is attached every 5 ms.
 */
import { readFileSync } from 'node:fs';
import { medianOf, type Report } from './report.ts';
import type { AgentReport } from './rig/agent-process.ts';
import { objectsOf, type Shape } from './rig/objects.ts';
import { SyncRig } from './rig/sync-rig.ts';

export const claim =
  '10,000 Services × 5 endpoints are in the kernel within 2 s, 250,000 endpoints within 10 s, and 120,000 take under 300 MiB';

const family = { families: [4] as const };
interface Case {
  name: string;
  shape: Shape;
  runs: number;
  peer?: boolean;
}
const cases: Case[] = [
  { name: '10,000 Services × 5', shape: { ...family, services: 10_000, endpoints: 5 }, runs: 5, peer: true },
  { name: '5,000 Services × 50', shape: { ...family, services: 5000, endpoints: 50 }, runs: 3 },
  { name: '30,000 Services × 4', shape: { ...family, services: 30_000, endpoints: 4 }, runs: 3 },
];
/** What is resident once the heap has come to rest. */
const restMs = 3000;

export async function run(report: Report): Promise<void> {
  await using rig = await SyncRig.open({ limitMs: 150_000 });
  for (const { name, shape, runs, peer } of cases) {
    rig.api.fill(objectsOf(shape));
    const reports: AgentReport[] = [];
    for (let run = 0; run < runs; run++) reports.push(await rig.agent.sync());
    await new Promise((resolve) => setTimeout(resolve, restMs));
    const rested = { ...(await rig.agent.report()), liveMib: (await rig.agent.report('live')).liveMib };
    rig.agent.stop();
    const theirs = peer ? await peerSync(rig) : undefined;
    reportSync(report, { name, reports, rested, theirs });
  }
}

interface PeerSync {
  ms: number;
  residentMib: number;
}

async function peerSync({ peer }: SyncRig): Promise<PeerSync | undefined> {
  try {
    const ms = await peer.serve();
    const pages = Number(readFileSync(`/proc/${peer.pid}/statm`, 'utf8').split(' ')[1]);
    return { ms, residentMib: (pages * 4096) / 2 ** 20 };
  } catch (error) {
    console.error(`  left out: ${(error as Error).message}`);
    return undefined;
  } finally {
    await peer.pause();
  }
}

function reportSync(
  report: Report,
  result: { name: string; reports: AgentReport[]; rested: AgentReport; theirs: PeerSync | undefined },
): void {
  const { name, reports, rested, theirs } = result;
  const of = (title: string, value: (report: AgentReport) => number, peerValue?: number) => {
    const { median, interval } = medianOf(reports.map(value));
    const unit = title.includes('MiB') ? 'MiB' : 'ms';
    const peer = peerValue === undefined ? {} : { peer: 'kube-proxy nftables', peerValue };
    report({ name: `${name}: ${title}`, value: median, interval, unit, runs: reports.length, ...peer });
  };
  of('from the start of the process', (r) => r.syncedMs, theirs?.ms);
  of('from the stores to the kernel', (r) => r.syncedMs - r.listedMs);
  of('event-loop delay, p99', (r) => r.loopDelayMs.p99);
  of('event-loop delay, longest', (r) => r.loopDelayMs.max);
  of("a pod's attachment meanwhile, p99", (r) => r.attachMs.p99);
  of("a pod's attachment meanwhile, longest", (r) => r.attachMs.max);
  of('resident when synced, MiB', (r) => r.residentMib, theirs?.residentMib);
  const value = rested.residentMib;
  report({ name: `${name}: resident after ${restMs / 1000} s`, value, unit: 'MiB', runs: 1 });
  report({ name: `${name}: alive in the heap`, value: rested.liveMib!, unit: 'MiB', runs: 1 });
}
