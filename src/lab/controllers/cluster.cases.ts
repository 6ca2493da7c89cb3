/** The controllers together, on an API: from a manifest to endpoints. Run on the fake and on the lab's API server. */
import { afterEach, expect, test, vi } from 'vitest';
import type { KubeClient } from '../../kube/client/client.ts';
import { createInformers, type Informers } from '../../kube/client/informers.ts';
import { controllerOf, type KubeObject, type NewObject } from '../../kube/meta.ts';
import { type ResourceType, resources } from '../../kube/resources.ts';
import type { Deployment, Node, Pod, Service } from '../../kube/types.ts';
import { type Controllers, startControllers } from './controllers.ts';

const namespace = 'default';
const merge = 'application/merge-patch+json';
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

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

async function createNode(client: KubeClient, name: string, { zone }: { zone: string }): Promise<void> {
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
      const podIPs = [{ ip: `10.244.0.${n}` }, { ip: `fd00:10:244::${n}` }];
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

function web(replicas: number, image = 'web:1', labels: Record<string, string> = {}): NewObject<Deployment> {
  return {
    metadata: { name: 'web', namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web', ...labels } },
        spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
      },
    },
  };
}

const webService: NewObject<Service> = {
  metadata: { name: 'web', namespace },
  spec: {
    selector: { app: 'web' },
    ipFamilyPolicy: 'PreferDualStack',
    ipFamilies: ['IPv4', 'IPv6'],
    ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
  },
};

const key = { namespace, name: 'web' };

async function untilComplete(cluster: TestCluster, replicas: number): Promise<Deployment> {
  let deployment: Deployment | undefined;
  await vi.waitFor(
    async () => {
      deployment = await cluster.client.get(resources.deployments, key);
      const { metadata, status } = deployment;
      expect(status?.observedGeneration).toBe(metadata.generation);
      expect(status).toMatchObject({ replicas, updatedReplicas: replicas, availableReplicas: replicas });
    },
    { timeout: 5000, interval: 5 },
  );
  return deployment!;
}

const imagesOf = (pods: Pod[]) => new Set(pods.map((pod) => pod.spec!.containers[0]!.image));

export function clusterCases(open: () => Promise<KubeClient>): void {
  test('a Deployment and a Service: pods over all nodes, slices of both families, nodes with pod CIDRs', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.services, webService);
    await cluster.client.create(resources.deployments, web(3));
    const { status } = await untilComplete(cluster, 3);
    const reasons = status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    expect(reasons?.sort()).toEqual([
      'Available True MinimumReplicasAvailable',
      'Progressing True NewReplicaSetAvailable',
    ]);
    const pods = await cluster.list(resources.pods);
    expect(pods.map((pod) => pod.spec?.nodeName).sort()).toEqual(['node-1', 'node-2', 'node-3']);
    await vi.waitFor(async () => {
      const slices = (await cluster.list(resources.endpointSlices)).filter((s) =>
        s.metadata.name.startsWith('web-'),
      );
      expect(slices.map((slice) => `${slice.addressType} ${slice.endpoints?.length}`).sort()).toEqual([
        'IPv4 3',
        'IPv6 3',
      ]);
      for (const { endpoints, ports } of slices) {
        expect(endpoints?.every(({ conditions }) => conditions?.ready)).toBe(true);
        expect(ports).toEqual([{ name: '', protocol: 'TCP', port: 8080 }]);
      }
    });
    const nodes = await cluster.list(resources.nodes);
    expect(nodes.map((node) => node.spec?.podCIDRs)).toEqual([
      ['10.244.0.0/24', 'fd00:10:244::/64'],
      ['10.244.1.0/24', 'fd00:10:244:1::/64'],
      ['10.244.2.0/24', 'fd00:10:244:2::/64'],
    ]);
  });

  test('a new image is rolled out, never below what must be available, and undone', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.deployments, web(4));
    await untilComplete(cluster, 4);
    const watched = lowestAvailable(cluster);
    const image = (text: string) => ({ spec: { template: { spec: web(4, text).spec!.template.spec } } });
    await cluster.client.patch(resources.deployments, key, { type: merge, body: image('web:2') });
    const second = await untilComplete(cluster, 4);
    expect(second.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    await vi.waitFor(async () =>
      expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['web:2'])),
    );
    await cluster.client.patch(resources.deployments, key, { type: merge, body: image('web:1') });
    const third = await untilComplete(cluster, 4);
    expect(third.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    await vi.waitFor(async () =>
      expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['web:1'])),
    );
    expect(await cluster.list(resources.replicaSets)).toHaveLength(2);
    expect(watched.lowest()).toBeGreaterThanOrEqual(3);
    expect(watched.highest()).toBeLessThanOrEqual(5);
  });

  test('scaling to nothing removes all pods, and their endpoints', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.services, webService);
    await cluster.client.create(resources.deployments, web(3));
    await untilComplete(cluster, 3);
    await cluster.client.patch(resources.deployments, key, { type: merge, body: { spec: { replicas: 0 } } });
    await untilComplete(cluster, 0);
    await vi.waitFor(async () => {
      expect(await cluster.list(resources.pods)).toEqual([]);
      const slices = (await cluster.list(resources.endpointSlices)).filter((s) =>
        s.metadata.name.startsWith('web-'),
      );
      expect(slices.map((slice) => slice.endpoints ?? [])).toEqual([[], []]);
    });
  });

  test('exactly as many pods are made as asked for, however many come at once', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.deployments, web(60));
    await untilComplete(cluster, 60);
    const pods = await cluster.list(resources.pods);
    expect(pods).toHaveLength(60);
    const perNode = Map.groupBy(pods, (pod) => pod.spec?.nodeName);
    expect([...perNode.values()].map((group) => group.length)).toEqual([20, 20, 20]);
    expect(pods.every((pod) => controllerOf(pod)?.kind === 'ReplicaSet')).toBe(true);
  });
}

/** Follows how many of the pods are there (and ready) at any time. */
function lowestAvailable(cluster: TestCluster) {
  const informers = createInformers({ client: cluster.client });
  const pods = informers.store(resources.pods);
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  pods.onChange(() => {
    if (!pods.hasSynced) return;
    const alive = pods.list().filter((pod) => !pod.metadata.deletionTimestamp);
    const ready = alive.filter((pod) =>
      pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
    );
    lowest = Math.min(lowest, ready.length);
    highest = Math.max(highest, alive.length);
  });
  informers.start();
  cleanups.push(() => informers.stop());
  return { lowest: () => lowest, highest: () => highest };
}
