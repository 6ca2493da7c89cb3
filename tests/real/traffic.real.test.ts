/**
 * What nobody notices: agents and cluster DNS restarted, an application rolled, the datapath exchanged for one with other
 * layouts and back, agents killed as often as they start. Meanwhile 500 connections and 1000 questions a second, of which
 * none fails (native/traffic/main.c: what a failure is), and connections that are kept.
 *
 * TENDRIL_STEADY_RATE: other than 500 connections a second, for a machine that cannot (there are twice as many questions).
 * TENDRIL_STEADY_SECONDS: how long agents are killed (60).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildVersion, nextLayout } from '../../bpf/tests/next-version.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { encodeImage } from '../../scripts/image/image.ts';
import { imageName } from '../../src/deploy/image-name.ts';
import type { Report, TrafficLoad } from '../support/traffic-load.ts';
import { agentOn, layoutOn } from './cluster/agents.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl } from './cluster/control-plane.ts';
import { clusterDirectory, clusterDns, type NodeLayout, nodes } from './cluster/layout.ts';
import { importImage } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';
import { loadFromNode, loadFromPod } from './traffic/load.ts';
import {
  askers,
  deployTraffic,
  namespace,
  removeTraffic,
  rolledPods,
  type Targets,
} from './traffic/objects.ts';

const [controlPlane, ...workers] = nodes() as [NodeLayout, ...NodeLayout[]];
const perSecond = Number(process.env.TENDRIL_STEADY_RATE ?? 500);
const killSeconds = Number(process.env.TENDRIL_STEADY_SECONDS ?? 60);
const names = [
  `rolled.${namespace}.svc.cluster.local`,
  `steady.${namespace}.svc.cluster.local`,
  '*.example.com',
];

let targets: Targets;
let remove = async () => {};

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  targets = await deployTraffic(nodes().flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

afterAll(async () => {
  removeTraffic();
  await remove();
}, 60_000);

/** A part of all connections and questions. */
const words = (part: number, server = '-'): string[] => [
  ...['--connects', String(Math.ceil(part * perSecond)), ...targets.services, ...targets.steady],
  ...['--keep', ...targets.steady],
  ...['--queries', String(Math.ceil(part * 2 * perSecond)), server, ...names],
];

/** From a pod of each worker and from the control plane's node; none fails meanwhile. */
async function underLoad(change: () => Promise<void> | void): Promise<void> {
  using stack = new DisposableStack();
  const loads = new Map<string, TrafficLoad>();
  for (const [node, pod] of askers()) loads.set(`pod on ${node}`, stack.use(loadFromPod(pod, words(0.4))));
  const fromNode = loadFromNode(controlPlane, words(0.2, `${clusterDns}:53`));
  loads.set(`node ${controlPlane.name}`, stack.use(fromNode));
  expect(loads.size).toBe(workers.length + 1);
  for (const load of loads.values()) await load.ready();
  await change();
  const reports: [string, Report][] = [];
  for (const [place, load] of loads) reports.push([place, await load.stop()]);
  console.log(reports.map(([place, report]) => `${place}: ${JSON.stringify(report)}`).join('\n'));
  for (const [place, report] of reports) {
    expect(report.failures, place).toEqual([]);
    for (const { begun, succeeded, excused } of [report.connects, report.queries]) {
      expect(succeeded + excused, place).toBe(begun);
      // Else nothing was measured.
      expect(succeeded, place).toBeGreaterThan(0.9 * begun);
      expect(begun, place).toBeGreaterThan(perSecond / 5);
    }
  }
}

async function restart(within: string, workload: string): Promise<void> {
  kubectl('-n', within, 'rollout', 'restart', workload);
  await awaitRollout(within, workload);
}

/** Until the last of the former pods has ended, too: kubectl does not wait for it. */
async function awaitRollout(within: string, workload: string): Promise<void> {
  kubectl('-n', within, 'rollout', 'status', workload, '--timeout=180s');
  await waitFor('the end of the former pods', 60, () => {
    const { items } = JSON.parse(kubectl('-n', within, 'get', 'pods', '-o', 'json')) as { items: WirePod[] };
    return items.every(({ metadata }) => metadata.deletionTimestamp === undefined);
  });
}

interface WirePod {
  metadata: { deletionTimestamp?: string };
}

const patience = { timeout: 300_000 };

test('the agents are restarted', patience, () =>
  underLoad(() => restart('tendril-system', 'daemonset/tendril-agent')),
);

test('cluster DNS is restarted', patience, () =>
  underLoad(() => restart('kube-system', 'daemonset/tendril-dns')),
);

test('the application is rolled', patience, async () => {
  const before = rolledPods();
  await underLoad(() => restart(namespace, 'deployment/rolled'));
  expect(rolledPods().filter((name) => before.includes(name))).toHaveLength(0);
});

/** An image of this tree with other layouts of the datapath's maps, known to all nodes; its name. */
function importNextVersion(): string {
  const name = imageName(`${packageJson.version}-next`);
  using next = buildVersion(nextLayout);
  const archive = join(clusterDirectory, 'next-version.tar');
  writeFileSync(archive, encodeImage(next.directory, { name, version: `${packageJson.version}-next` }));
  for (const node of nodes()) importImage(node, archive);
  return name;
}

test('a version with another layout of the maps is installed, and this one again', {
  timeout: 600_000,
}, async () => {
  const next = importNextVersion();
  const here = imageName(packageJson.version);
  const take = async (image: string) => {
    kubectl('-n', 'tendril-system', 'set', 'image', 'daemonset/tendril-agent', `agent=${image}`);
    kubectl('-n', 'kube-system', 'set', 'image', 'daemonset/tendril-dns', `dns=${image}`);
    await awaitRollout('tendril-system', 'daemonset/tendril-agent');
    await awaitRollout('kube-system', 'daemonset/tendril-dns');
  };
  try {
    await underLoad(async () => {
      await take(next);
      expect(nodes().map(layoutOn)).toEqual(nodes().map(() => 2));
      await take(here);
      expect(nodes().map(layoutOn)).toEqual(nodes().map(() => 1));
    });
  } finally {
    await take(here);
  }
});

test(`each agent is killed two seconds after its start, for ${killSeconds} s`, patience, async () => {
  const killed = new Map<string, number>();
  await underLoad(async () => {
    const end = Date.now() + killSeconds * 1000;
    while (Date.now() < end) {
      for (const node of nodes()) {
        const agent = agentOn(node);
        if (agent === undefined || agent.ageMs < 2000) continue;
        process.kill(agent.pid, 'SIGKILL');
        killed.set(node.name, (killed.get(node.name) ?? 0) + 1);
      }
      await sleep(100);
    }
  });
  for (const node of nodes()) expect(killed.get(node.name), node.name).toBeGreaterThan(killSeconds / 6);
  await awaitRollout('tendril-system', 'daemonset/tendril-agent');
});
