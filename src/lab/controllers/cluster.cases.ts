/** The controllers together, on an API: from a manifest to endpoints. Run on the fake and on the lab's API server. */
import { afterEach, expect, test, vi } from 'vitest';
import type { KubeClient } from '../../kube/client/client.ts';
import { controllerOf, type NewObject } from '../../kube/meta.ts';
import { resources } from '../../kube/resources.ts';
import type { DaemonSet, Deployment, Service, StatefulSet } from '../../kube/types.ts';
import {
  arrivals,
  createNode,
  imagesOf,
  lowestAvailable,
  startTestCluster,
  stopTestClusters,
  type TestCluster,
  versionsAtOnce,
} from './test-cluster.ts';

const namespace = 'default';
const merge = 'application/merge-patch+json';
afterEach(stopTestClusters);

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
    { interval: 5 },
  );
  return deployment!;
}

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

  test('Recreate has no two versions side by side', async () => {
    const cluster = await startTestCluster(await open());
    const deployment = web(2);
    deployment.spec!.strategy = { type: 'Recreate' };
    await cluster.client.create(resources.deployments, deployment);
    await untilComplete(cluster, 2);
    const watched = versionsAtOnce(cluster);
    const body = { spec: { template: { spec: web(2, 'web:2').spec!.template.spec } } };
    await cluster.client.patch(resources.deployments, key, { type: merge, body });
    await untilComplete(cluster, 2);
    await vi.waitFor(async () =>
      expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['web:2'])),
    );
    expect(watched.most()).toBe(1);
  });

  test('a paused Deployment scales but does not roll out, until it is resumed', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.deployments, web(2));
    await untilComplete(cluster, 2);
    const spec = { paused: true, replicas: 3, template: { spec: web(2, 'web:2').spec!.template.spec } };
    await cluster.client.patch(resources.deployments, key, { type: merge, body: { spec } });
    await vi.waitFor(async () => expect(await cluster.list(resources.pods)).toHaveLength(3));
    expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['web:1']));
    await cluster.client.patch(resources.deployments, key, {
      type: merge,
      body: { spec: { paused: false } },
    });
    await untilComplete(cluster, 3);
    await vi.waitFor(async () =>
      expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['web:2'])),
    );
  });

  test('a StatefulSet comes up in order, is updated from the top, and keeps its names', async () => {
    const cluster = await startTestCluster(await open());
    const order = arrivals(cluster);
    await cluster.client.create(resources.statefulSets, database());
    await vi.waitFor(async () => {
      const set = await cluster.client.get(resources.statefulSets, dbKey);
      expect(set.status).toMatchObject({ readyReplicas: 3, updatedReplicas: 3 });
    });
    await vi.waitFor(() => expect(order).toEqual(['db-0', 'db-1', 'db-2']));
    const body = { spec: { template: { spec: { containers: [{ name: 'db', image: 'db:2' }] } } } };
    await cluster.client.patch(resources.statefulSets, dbKey, { type: merge, body });
    await vi.waitFor(async () => {
      const { metadata, status } = await cluster.client.get(resources.statefulSets, dbKey);
      expect(status).toMatchObject({
        observedGeneration: metadata.generation,
        readyReplicas: 3,
        updatedReplicas: 3,
      });
      expect(status?.currentRevision).toBe(status?.updateRevision);
    });
    expect(order.slice(3)).toEqual(['db-2', 'db-1', 'db-0']);
    expect(imagesOf(await cluster.list(resources.pods))).toEqual(new Set(['db:2']));
    const revisions = await cluster.list(resources.controllerRevisions);
    expect(revisions.map(({ revision }) => revision).sort()).toEqual([1, 2]);
  });

  test('a DaemonSet has one pod on every node, also on one that comes later', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.daemonSets, daemon());
    const nodesOfPods = async () =>
      (await cluster.list(resources.pods)).map((pod) => pod.spec?.nodeName).sort();
    await vi.waitFor(async () => expect(await nodesOfPods()).toEqual(['node-1', 'node-2', 'node-3']));
    await createNode(cluster.client, 'node-4', { zone: 'zone-c' });
    await vi.waitFor(async () => {
      expect(await nodesOfPods()).toEqual(['node-1', 'node-2', 'node-3', 'node-4']);
      const { status } = await cluster.client.get(resources.daemonSets, { namespace, name: 'proxy' });
      expect(status).toMatchObject({
        desiredNumberScheduled: 4,
        numberAvailable: 4,
        updatedNumberScheduled: 4,
      });
    });
  });

  test('a pod that fits nowhere says why, and is placed when a node comes that it fits', async () => {
    const cluster = await startTestCluster(await open());
    const spec = {
      containers: [{ name: 'c', image: 'c' }],
      nodeSelector: { 'topology.kubernetes.io/zone': 'zone-z' },
    };
    await cluster.client.create(resources.pods, { metadata: { name: 'lone', namespace }, spec });
    const lone = () => cluster.client.get(resources.pods, { namespace, name: 'lone' });
    const message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    await vi.waitFor(async () => {
      const condition = (await lone()).status?.conditions?.find(({ type }) => type === 'PodScheduled');
      expect(condition).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    });
    await createNode(cluster.client, 'node-9', { zone: 'zone-z' });
    await vi.waitFor(async () => expect((await lone()).spec?.nodeName).toBe('node-9'));
    await vi.waitFor(async () => {
      const reasons = (await cluster.list(resources.events)).map(({ reason }) => reason);
      expect(reasons).toEqual(expect.arrayContaining(['FailedScheduling', 'Scheduled']));
    });
  });

  test('an orphan that a ReplicaSet selects is adopted; a pod whose label changes is released and replaced', async () => {
    const cluster = await startTestCluster(await open());
    await cluster.client.create(resources.deployments, web(2));
    await untilComplete(cluster, 2);
    const [first] = await cluster.list(resources.pods);
    const at = { namespace, name: first!.metadata.name };
    await cluster.client.patch(resources.pods, at, {
      type: merge,
      body: { metadata: { labels: { app: 'debug' } } },
    });
    await vi.waitFor(async () => {
      const pods = await cluster.list(resources.pods);
      expect(pods.map((pod) => `${pod.metadata.labels?.app} ${controllerOf(pod)?.kind}`).sort()).toEqual([
        'debug undefined',
        'web ReplicaSet',
        'web ReplicaSet',
      ]);
    });
    await cluster.client.patch(resources.pods, at, {
      type: merge,
      body: { metadata: { labels: { app: 'web' } } },
    });
    await vi.waitFor(async () => {
      const pods = (await cluster.list(resources.pods)).filter((pod) => !pod.metadata.deletionTimestamp);
      expect(pods.map((pod) => controllerOf(pod)?.kind)).toEqual(['ReplicaSet', 'ReplicaSet']);
    });
  });

  test('Endpoints written by hand become slices, and follow them', async () => {
    const { client, list } = await startTestCluster(await open());
    const metadata = { name: 'outside', namespace };
    await client.create(resources.services, {
      metadata,
      spec: { ports: [{ port: 80 }] },
    } as NewObject<Service>);
    const subsets = (ip: string) => [{ addresses: [{ ip }], ports: [{ port: 8080 }] }];
    await client.create(resources.endpoints, { metadata, subsets: subsets('192.0.2.1') });
    const addresses = async () =>
      (await list(resources.endpointSlices))
        .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === 'outside')
        .flatMap((slice) => slice.endpoints ?? [])
        .flatMap((endpoint) => endpoint.addresses);
    await vi.waitFor(async () => expect(await addresses()).toEqual(['192.0.2.1']));
    await client.patch(resources.endpoints, metadata, {
      type: merge,
      body: { subsets: subsets('192.0.2.2') },
    });
    await vi.waitFor(async () => expect(await addresses()).toEqual(['192.0.2.2']));
    await client.delete(resources.endpoints, metadata);
    await vi.waitFor(async () => expect(await addresses()).toEqual([]));
  });
}

const dbKey = { namespace, name: 'db' };

function database(): NewObject<StatefulSet> {
  return {
    metadata: { name: 'db', namespace },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: { containers: [{ name: 'db', image: 'db:1' }] },
      },
    },
  };
}

function daemon(): NewObject<DaemonSet> {
  return {
    metadata: { name: 'proxy', namespace },
    spec: {
      selector: { matchLabels: { app: 'proxy' } },
      template: {
        metadata: { labels: { app: 'proxy' } },
        spec: { containers: [{ name: 'proxy', image: 'proxy' }] },
      },
    },
  };
}
