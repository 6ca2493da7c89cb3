/** A cluster for tests: the controllers on an API, three nodes, kubelets that start, ready and end pods at once. */
import type { KubeClient } from '../../kube/client/client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import type { Change, Store } from '../../kube/client/store.ts';
import type { KubeObject, NewObject } from '../../kube/meta.ts';
import { type ResourceType, resources } from '../../kube/resources.ts';
import type { Node, Pod } from '../../kube/types.ts';
import { type Controllers, startControllers } from './controllers.ts';

const merge = 'application/merge-patch+json';
const cleanups: (() => Promise<void>)[] = [];
/** To be called after each test. */
export async function stopTestClusters(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A cluster of three nodes whose kubelets start, ready and end pods at once. */
export interface TestCluster {
  client: KubeClient;
  controllers: Controllers;
  list<T extends KubeObject>(type: ResourceType<T>): Promise<T[]>;
}

export async function startTestCluster(
  client: KubeClient,
  nodes = ['node-1', 'node-2', 'node-3'],
): Promise<TestCluster> {
  for (const [i, name] of nodes.entries())
    await createNode(client, name, { zone: i === 0 ? 'zone-a' : 'zone-b' });
  const informers = createInformers({ client });
  runKubelets(client, informers);
  informers.start();
  const controllers = startControllers({ client, podCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'] });
  cleanups.push(async () => {
    await controllers.stop();
    await informers.stop();
  });
  await controllers.started;
  return { client, controllers, list: async (type) => (await client.list(type)).items };
}

export async function createNode(
  client: KubeClient,
  name: string,
  { zone }: { zone: string },
): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone };
  await client.create(resources.nodes, { metadata: { name, labels }, spec: {} } as NewObject<Node>);
  const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
  await client.patch(resources.nodes, { name }, { type: merge, body: { status }, subresource: 'status' });
}

function runKubelets(client: KubeClient, informers: Informers): void {
  let addresses = 10;
  informers.store(resources.pods).onChange(({ new: pod }) => {
    if (pod?.spec?.nodeName === undefined) return;
    if (pod.metadata.deletionTimestamp) {
      client.delete(resources.pods, pod.metadata, { gracePeriodSeconds: 0 }).catch(() => {});
    } else if (pod.status?.phase !== 'Running' && !pod.metadata.labels?.['never-ready']) {
      const n = addresses++;
      const podIPs = [{ ip: `10.244.${n >> 8}.${n & 255}` }, { ip: `fd00:10:244::${n.toString(16)}` }];
      const conditions = [
        { type: 'PodScheduled', status: 'True' },
        {
          type: 'Ready',
          status: 'True',
          lastTransitionTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
        },
      ];
      const status = { phase: 'Running', podIP: podIPs[0]!.ip, podIPs, conditions };
      client
        .patch(resources.pods, pod.metadata, { type: merge, body: { status }, subresource: 'status' })
        .catch(() => {});
    }
  });
}

/** The fewest ready pods, and the most pods, that there are at any time from now on. */
export function lowestAvailable(cluster: TestCluster) {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  const pods = follow(cluster, () => {
    if (!pods.hasSynced) return;
    const alive = pods.list().filter((pod) => !pod.metadata.deletionTimestamp);
    const ready = alive.filter((pod) =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    );
    lowest = Math.min(lowest, ready.length);
    highest = Math.max(highest, alive.length);
  });
  return { lowest: () => lowest, highest: () => highest };
}

/** Names of pods in the order in which they are made. */
export function arrivals(cluster: TestCluster): string[] {
  const names: string[] = [];
  follow(cluster, ({ old, new: pod }) => {
    if (old === undefined && pod !== undefined) names.push(pod.metadata.name);
  });
  return names;
}

/** How many images there are at a time among pods that have not begun to end. */
export function versionsAtOnce(cluster: TestCluster) {
  let most = 0;
  const pods = follow(cluster, () => {
    most = Math.max(most, imagesOf(pods.list()).size);
  });
  return { most: () => most };
}

function follow(cluster: TestCluster, onChange: (change: Change<Pod>) => void): Store<Pod> {
  const informers = createInformers({ client: cluster.client });
  const pods = informers.store(resources.pods);
  pods.onChange(onChange);
  informers.start();
  cleanups.push(() => informers.stop());
  return pods;
}

export function imagesOf(pods: readonly Pod[]): Set<string | undefined> {
  return new Set(pods.map((pod) => pod.spec!.containers[0]!.image));
}
