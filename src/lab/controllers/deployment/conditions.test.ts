import { expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { meta } from '../test-objects.ts';
import { type Condition, msToDeadline, statusOf } from './conditions.ts';
import { limitsOf } from './rollout.ts';

const start = Date.UTC(2026, 0, 1);
const newer = (available: number, replicas = 3): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: meta('web-1'),
  spec: { replicas: 3, selector: {} },
  status: { replicas, readyReplicas: available, availableReplicas: available },
});

/** The statuses of a Deployment as its ReplicaSet goes through the given states, a second apart. */
function follow(states: ReplicaSet[], { stepMs = 1000, paused = false } = {}): Condition[][] {
  let deployment: Deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta('web'),
    spec: { replicas: 3, selector: {}, template: {}, paused, progressDeadlineSeconds: 60 },
  };
  return states.map((replicaSet, i) => {
    const now = start + i * stepMs;
    const status = statusOf({
      deployment,
      newer: replicaSet,
      all: [replicaSet],
      limits: limitsOf(deployment),
      now,
    });
    deployment = { ...deployment, status };
    return status.conditions;
  });
}

const progress = (conditions: Condition[]) => conditions.find(({ type }) => type === 'Progressing')?.reason;
const available = (conditions: Condition[]) => conditions.find(({ type }) => type === 'Available')?.status;

test('a rollout is made, progresses, is complete, and stays complete when a pod fails later', () => {
  const steps = follow([newer(0, 0), newer(0), newer(2), newer(3), newer(2)]);
  expect(steps.map(progress)).toEqual([
    'NewReplicaSetCreated',
    'ReplicaSetUpdated',
    'ReplicaSetUpdated',
    'NewReplicaSetAvailable',
    'NewReplicaSetAvailable',
  ]);
  expect(steps.map(available)).toEqual(['False', 'False', 'False', 'True', 'False']);
});

test('times change only with what they are of', () => {
  const [first, second] = follow([newer(0, 0), newer(0, 0)]);
  expect(second).toEqual(first);
});

test('a rollout without progress for the deadline has failed', () => {
  const steps = follow([newer(0, 0), newer(0), newer(0), newer(0)], { stepMs: 40_000 });
  expect(steps.map(progress)).toEqual([
    'NewReplicaSetCreated',
    'ReplicaSetUpdated',
    'ReplicaSetUpdated',
    'ProgressDeadlineExceeded',
  ]);
});

test('a paused Deployment says so', () => {
  expect(follow([newer(0)], { paused: true }).map(progress)).toEqual(['DeploymentPaused']);
});

test('the deadline counts from the last progress, and not after the end', () => {
  const deployment = (reason: string): Deployment => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta('web'),
    spec: { selector: {}, template: {}, progressDeadlineSeconds: 60 },
    status: {
      conditions: [{ type: 'Progressing', status: 'True', reason, lastUpdateTime: '2026-01-01T00:00:00Z' }],
    },
  });
  expect(msToDeadline(deployment('ReplicaSetUpdated'), start + 20_000)).toBe(40_000);
  expect(msToDeadline(deployment('NewReplicaSetAvailable'), start)).toBeUndefined();
});
