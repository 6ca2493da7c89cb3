/**
 * CoreDNS relieved by Tendril's servers and brought back, on a cluster with the usual network, while pods ask for names all
 * the time: none fails on the way there, and never is there a second without an answer.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { accessObjects } from '../../src/deploy/access-objects.ts';
import { dnsObjects } from '../../src/deploy/dns-objects.ts';
import { imageName } from '../../src/deploy/image-name.ts';
import { defaultValues } from '../../src/deploy/values.ts';
import { application, deployApplication, removeApplication, type Server } from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { clusterDns, kubeconfigPath, type NodeLayout, nodes } from './cluster/layout.ts';
import { inNetns, onNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';
import type { QueryReport } from './name-queries.ts';

const all = nodes();
const controlPlane = all[0]!;
const here = (file: string) => join(import.meta.dirname, file);
const objects = [
  ...accessObjects(),
  ...dnsObjects(defaultValues(imageName(packageJson.version))),
  {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'headless' } },
    spec: { clusterIP: 'None', selector: { app: application }, ports: [{ port: 80 }] },
  },
];
const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
const zone = 'default.svc.cluster.local';

let remove = async () => {};
const asking: ChildProcess[] = [];

beforeAll(async () => {
  const cluster = await existingOrNewCluster({ network: 'usual' });
  remove = () => cluster.remove();
}, 1_200_000);

afterAll(async () => {
  for (const child of asking) child.kill('SIGKILL');
  removeApplication();
  kubectlWith(list, 'delete', '-f', '-', '--ignore-not-found', '--wait=false');
  await remove();
}, 180_000);

/** The node's path of the pod's network namespace, found by the pod's address. */
function netnsOf(node: NodeLayout, { ips }: Server): string {
  const script =
    'for n in /run/netns/*; do nsenter --net=$n ip -o addr | grep -qF "$1" && echo $n; done; true';
  return onNode(node, 'sh', '-c', script, 'sh', ` ${ips[0]}/`).trim();
}

/** From the pod's network, until it is told to end. */
async function startAsking(server: Server): Promise<() => Promise<QueryReport>> {
  const node = all.find(({ name }) => name === server.node)!;
  const program = [process.execPath, here('name-queries.ts'), clusterDns, '200'];
  const [command, ...rest] = inNetns(node, netnsOf(node, server), [
    ...program,
    ...[`${application}.${zone}`, `headless.${zone}`],
  ]);
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  asking.push(child);
  await once(child.stdout!, 'data');
  const output = text(child.stdout!);
  return async () => {
    child.kill('SIGTERM');
    return JSON.parse((await output).trim().split('\n').at(-1)!) as QueryReport;
  };
}

/** Beside the questions: this process must not stand still. */
async function change(...words: string[]): Promise<string> {
  const inside = [
    `--net=/run/netns/${controlPlane.netns}`,
    process.execPath,
    here('dns-change.ts'),
    kubeconfigPath,
  ];
  const child = spawn('nsenter', [...inside, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode, errors).toBe(0);
  return output;
}

function dnsPods(): string[] {
  return kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'k8s-app=kube-dns', '-o', 'name')
    .trim()
    .split('\n');
}

const isOurs = (pod: string): boolean => pod.includes('tendril-dns');

test('cluster DNS passes to Tendril’s servers without a name that fails, and back without a second of silence', async () => {
  const { servers } = await deployApplication();
  kubectlWith(list, 'apply', '-f', '-');
  await waitFor('endpoints of the headless Service', 60, () =>
    kubectl('get', 'endpointslices', '-l', 'kubernetes.io/service-name=headless', '-o', 'name').trim(),
  );
  const stops = await Promise.all(servers.map(startAsking));
  const times: Record<string, number> = {};
  const mark = (what: string) => {
    times[what] = Math.floor(Date.now() / 1000) % 86_400;
  };
  await sleep(3000);
  mark('to ours');
  const found = await change('replace');
  mark('ours alone');
  expect(JSON.parse(found)).toEqual({
    deployments: [{ namespace: 'kube-system', name: 'coredns', replicas: 2 }],
  });
  expect(dnsPods().every(isOurs)).toBe(true);
  await sleep(3000);
  mark('back');
  await change('restore', found);
  mark('ours end');
  kubectl('-n', 'kube-system', 'delete', 'daemonset/tendril-dns');
  await waitFor('the end of Tendril’s servers', 90, () => !dnsPods().some(isOurs));
  mark('ours are gone');
  await sleep(3000);
  for (const stop of stops) {
    const { sent, failures, longestGapMs, failedAt } = await stop();
    const told = JSON.stringify({ times, failures, failedAt, longestGapMs });
    expect(sent).toBeGreaterThan(1000);
    expect(
      failedAt.filter((second) => second < times['ours end']!),
      told,
    ).toEqual([]);
    // kube-proxy leads a port that is used again to a server that has ended, for as long as its connections last.
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    expect(failed / sent, told).toBeLessThan(0.05);
    expect(longestGapMs).toBeLessThan(1000);
  }
}, 900_000);
