/** A real cluster on this machine, shaped like kubeadm's: with Tendril as its only network, with the usual one or with none. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { imageName } from '../../../src/deploy/image-name.ts';
import { renderManifest } from '../../../src/deploy/manifest.ts';
import { defaultValues } from '../../../src/deploy/values.ts';
import { kubectl, kubectlWith, makeCertificates, startControlPlane } from './control-plane.ts';
import { makeFabric } from './fabric.ts';
import { makeImages } from './images.ts';
import { raiseInotifyInstances } from './inotify.ts';
import { clusterDirectory, nodes } from './layout.ts';
import type { ClusterOptions } from './network-kind.ts';
import { nodeCgroupPath, startKubelet, startNode } from './node.ts';
import { buildParts, partsOf } from './parts.ts';
import { waitFor } from './process.ts';
import { removeCluster } from './remove.ts';
import { installUsualNetwork, requireProxyMode } from './usual-network.ts';

/** Which network the cluster that is there was made with. */
const networkPath = join(clusterDirectory, 'network');

/**
 * From nothing to nodes that are Ready and a network that is complete; to registered nodes where there is to be none.
 * @throws Error telling what did not come; what was made is there to be looked at
 */
export async function createCluster(
  say: (text: string) => void,
  { network = 'tendril', proxyMode = 'nftables' }: ClusterOptions = {},
): Promise<void> {
  if (existsSync(clusterDirectory)) throw new Error(`${clusterDirectory} exists: make real-down`);
  requireProxyMode(proxyMode);
  await buildParts(partsOf(network), say);
  mkdirSync(clusterDirectory, { recursive: true });
  writeFileSync(networkPath, network);
  raiseInotifyInstances();
  const all = nodes();
  const images = makeImages(network, proxyMode);
  makeFabric(all);
  makeCertificates();
  await startControlPlane();
  say('the API server answers');
  await Promise.all(all.map((node) => startNode(node, images)));
  for (const node of all) startKubelet(node);
  await waitFor('every node’s registration', 180, () => names('nodes').length === all.length);
  say(`${all.length} nodes are registered`);
  if (network === 'none') return;
  if (network === 'tendril') kubectlWith(manifest(), 'apply', '-f', '-');
  else await installUsualNetwork(all, proxyMode);
  say('the network’s objects are applied');
  await waitFor('Ready nodes', 300, () => notReady().length === 0);
  say('all nodes are Ready');
  for (const [namespace, workload] of workloads[network])
    kubectl('-n', namespace, 'rollout', 'status', workload, '--timeout=300s');
  say('its pods are ready');
}

/** Of each network, by namespace. */
const workloads = {
  tendril: [
    ['tendril-system', 'daemonset/tendril-agent'],
    ['kube-system', 'daemonset/tendril-dns'],
  ],
  usual: [
    ['kube-system', 'daemonset/kube-proxy'],
    ['kube-system', 'deployment/coredns'],
  ],
} as const;

/** Tendril's objects as this cluster's nodes need them. */
export function manifest(): string {
  const values = defaultValues(imageName(packageJson.version));
  return renderManifest({ ...values, cgroup: nodeCgroupPath });
}

const names = (kind: string): string[] =>
  kubectl('get', kind, '-o', 'name').trim().split('\n').filter(Boolean);

interface WireNode {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** Names of the nodes that are not. */
export function notReady(): string[] {
  const { items } = JSON.parse(kubectl('get', 'nodes', '-o', 'json')) as { items: WireNode[] };
  const isReady = ({ status }: WireNode) =>
    status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  return items.filter((node) => !isReady(node)).map(({ metadata }) => metadata.name);
}

/**
 * The one that is kept by `make real`, or one for now.
 * @throws Error where the kept one was made with another network
 */
export async function existingOrNewCluster(
  options: ClusterOptions = {},
): Promise<{ remove: () => Promise<void> }> {
  const { network = 'tendril' } = options;
  if (existsSync(clusterDirectory)) {
    const kept = readFileSync(networkPath, 'utf8');
    if (kept !== network)
      throw new Error(`the cluster that is there was made with the network ${kept}: make real-down`);
    return { remove: async () => {} };
  }
  try {
    await createCluster((text) => process.stdout.write(`${text}\n`), options);
  } catch (error) {
    await removeCluster();
    throw error;
  }
  return { remove: removeCluster };
}
