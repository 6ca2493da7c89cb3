import { expect, test } from 'vitest';
import type { ReplicaSet } from '../../../kube/types.ts';
import { meta, pod } from '../test-objects.ts';
import { planReplicaSet } from './plan.ts';

const labels = { app: 'web' };

function replicaSet(replicas: number, minReadySeconds = 0): ReplicaSet {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: meta('web'),
    spec: { replicas, minReadySeconds, selector: { matchLabels: labels }, template },
  };
}

const plan = (set: ReplicaSet, pods: ReturnType<typeof pod>[], settled = true) =>
  planReplicaSet({ replicaSet: set, pods, settled, crowd: () => 0, now: Date.UTC(2026, 0, 1) });

test('missing pods are made; finished and terminating ones do not count', () => {
  const pods = [pod('a'), pod('b', { phase: 'Failed' }), pod('c', { terminating: true })];
  expect(plan(replicaSet(3), pods)).toMatchObject({ create: 2, remove: [] });
});

test('surplus pods are deleted, unready ones first', () => {
  const pods = [
    pod('a', { node: 'n', ready: true }),
    pod('b', { node: 'n' }),
    pod('c', { node: 'n', ready: true }),
  ];
  const { create, remove } = plan(replicaSet(2), pods);
  expect([create, remove.map(({ metadata }) => metadata.name)]).toEqual([0, ['b']]);
});

test('nothing is made or deleted while the stores lag behind', () => {
  expect(plan(replicaSet(3), [pod('a')], false)).toMatchObject({ create: 0, remove: [] });
});

test('the status counts labeled, ready and available pods', () => {
  const pods = [
    pod('a', { labels, ready: true }),
    pod('b', { labels }),
    pod('c', { labels: {}, ready: true }),
  ];
  expect(plan(replicaSet(3), pods).status).toEqual({
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    observedGeneration: 1,
  });
});

test('a pod is available after minReadySeconds, and the set is looked at again then', () => {
  const pods = [pod('a', { ready: '2025-12-31T23:59:55Z' })];
  const { status, recheckMs } = plan(replicaSet(1, 8), pods);
  expect([status.readyReplicas, status.availableReplicas, recheckMs]).toEqual([1, 0, 3000]);
});
