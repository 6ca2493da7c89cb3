import { describe, expect, test } from 'vitest';
import { resources } from '../resources.ts';
import { isExpired } from './api-error.ts';
import { clientCases } from './client.cases.ts';
import { FakeClient } from './fake-client.ts';

describe('the fake is a KubeClient', () => clientCases(async () => new FakeClient()));

const pod = { metadata: { name: 'a', namespace: 'default' }, spec: { containers: [], nodeName: 'node-1' } };

test('a pod that a kubelet runs is deleted in two steps', async () => {
  const client = new FakeClient();
  client.seed(resources.pods, pod);
  await client.delete(resources.pods, pod.metadata);
  expect(client.objects(resources.pods)[0]?.metadata.deletionTimestamp).toBeDefined();
  await client.delete(resources.pods, pod.metadata, { gracePeriodSeconds: 0 });
  expect(client.objects(resources.pods)).toEqual([]);
});

test('status and spec are written apart, and only spec moves the generation', async () => {
  const client = new FakeClient();
  const seeded = client.seed(resources.pods, { ...pod, status: { phase: 'Pending' } });
  const after = await client.update(resources.pods, { ...seeded, status: { phase: 'Running' } });
  expect(after.status?.phase).toBe('Pending');
  const running = await client.update(resources.pods, { ...after, status: { phase: 'Running' } }, 'status');
  expect(running).toMatchObject({ status: { phase: 'Running' }, metadata: { generation: 1 } });
  const changed = await client.update(resources.pods, {
    ...running,
    spec: { ...running.spec!, hostname: 'x' },
  });
  expect(changed.metadata.generation).toBe(2);
});

test('a watch from before a compaction is expired', async () => {
  const client = new FakeClient();
  const { metadata } = client.seed(resources.pods, pod);
  client.change(resources.pods, pod.metadata, { status: { phase: 'Running' } });
  client.compact();
  const watch = client.watch(resources.pods, { resourceVersion: metadata.resourceVersion });
  await expect(watch[Symbol.asyncIterator]().next()).rejects.toSatisfy(isExpired);
});
