/**
 * A node given back: Tendril on a cluster that has no network, used, and taken off by its manifest and the node task;
 * kind by kind, each node is then as it was. And it can be installed again.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  application,
  bracketed,
  deployApplication,
  fromNode,
  fromPod,
  removeApplication,
} from './application.ts';
import { existingOrNewCluster, manifest, notReady } from './cluster/cluster.ts';
import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { agnhostImage } from './cluster/images.ts';
import { type NodeLayout, nodes } from './cluster/layout.ts';
import { onNode } from './cluster/node.ts';
import { readNodeState } from './cluster/node-state.ts';
import { waitFor } from './cluster/process.ts';
import {
  compareStates,
  type Difference,
  describeDifferences,
  type NodeState,
} from './cluster/state-difference.ts';

const all = nodes();
const controlPlane = all[0]!;
let remove = async () => {};
let before: Map<string, NodeState>;

beforeAll(async () => {
  const cluster = await existingOrNewCluster({ network: 'none' });
  remove = () => cluster.remove();
  before = new Map(all.map((node) => [node.name, readNodeState(node)]));
}, 1_200_000);

afterAll(async () => {
  await remove();
}, 120_000);

/** Given to a node's port by the datapath. */
const hostPort = 18_080;
const withHostPort = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'host-port' },
  spec: {
    nodeName: 'n1',
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        ...{ name: 'server', image: agnhostImage, args: ['netexec', '--http-port=8080'] },
        ports: [{ containerPort: 8080, hostPort }],
        readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
      },
    ],
  },
};

async function install(): Promise<void> {
  kubectlWith(manifest(), 'apply', '-f', '-');
  await waitFor('Ready nodes', 240, () => notReady().length === 0);
  kubectl('-n', 'kube-system', 'rollout', 'status', 'daemonset/tendril-dns', '--timeout=240s');
}

/** Services of both families, names, node ports and a host port. */
async function use(): Promise<void> {
  const { servers, clusterIps, nodePort } = await deployApplication();
  const names = servers.map(({ name }) => name);
  for (const host of [application, ...clusterIps])
    expect(names).toContain(fromPod(controlPlane, servers[0]!, host, 80)[0]);
  for (const node of all) {
    for (const ip of [node.ipv4, node.ipv6])
      expect(names).toContain(fromNode(controlPlane, `http://${bracketed(ip)}:${nodePort}/hostname`));
  }
  kubectlWith(JSON.stringify(withHostPort), 'apply', '-f', '-');
  kubectl('wait', '--for=condition=Ready', 'pod/host-port', '--timeout=120s');
  const [, worker] = all as [NodeLayout, NodeLayout];
  expect(fromNode(controlPlane, `http://${worker.ipv4}:${hostPort}/hostname`)).toBe('host-port');
}

/** While the agents can still unwire them. */
async function endPods(): Promise<void> {
  removeApplication();
  kubectl('delete', 'pod/host-port', '--ignore-not-found');
  kubectl('-n', 'kube-system', 'delete', 'daemonset/tendril-dns');
  await waitFor('the end of all pods on the pod network', 120, () => onPodNetwork().length === 0);
}

interface WirePod {
  metadata: { name: string };
  spec: { hostNetwork?: boolean };
}

function onPodNetwork(): string[] {
  const { items } = JSON.parse(kubectl('get', 'pods', '-A', '-o', 'json')) as { items: WirePod[] };
  return items.filter(({ spec }) => !spec.hostNetwork).map(({ metadata }) => metadata.name);
}

const program = join(import.meta.dirname, '../../bin/tendril');

function task(node: NodeLayout): { removed: Record<string, string[]>; kept: string[] } {
  return JSON.parse(onNode(node, program, 'node-task', 'remove-tendril')).report;
}

/** Directories that the container runtime makes for itself. */
const isRuntimes = ({ kind, key, after }: Difference): boolean =>
  kind === 'files' && key.startsWith('/var/lib/cni') && (after?.startsWith('d') ?? false);

const remains = (node: NodeLayout): string[] =>
  describeDifferences(
    compareStates(before.get(node.name)!, readNodeState(node)).filter(
      (difference) => !isRuntimes(difference),
    ),
  );

test('the task is refused while an agent runs, and touches nothing', async () => {
  await install();
  await use();
  expect(() => task(controlPlane)).toThrow('an agent of Tendril runs on this node');
  await deployApplication();
}, 900_000);

test('once pods, agents and the task are through, every node is as it was', async () => {
  await endPods();
  kubectlWith(manifest(), 'delete', '-f', '-', '--ignore-not-found', '--timeout=180s');
  await waitFor('the end of the agents', 120, () => kubectl('get', 'pods', '-A', '-o', 'name').trim() === '');
  for (const node of all) {
    const { removed, kept } = task(node);
    expect(kept).toEqual([]);
    expect(Object.keys(removed)).toContain('BPF');
    let left: string[] = [];
    // Volumes and containers of pods that ended go in their own time.
    await waitFor(`nothing left on ${node.name}`, 90, () => {
      left = remains(node);
      return left.length === 0;
    }).catch(() => {});
    expect(left, node.name).toEqual([]);
    expect(task(node)).toEqual({ removed: {}, kept: [] });
  }
}, 900_000);

test('Tendril can be installed again', async () => {
  await install();
  await use();
  await endPods();
}, 900_000);
