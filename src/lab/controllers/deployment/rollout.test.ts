import { describe, expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { meta } from '../test-objects.ts';
import { sizeAnnotations } from './revision.ts';
import { isScaling, limitsOf, newSize, rollingStep, scaleSizes } from './rollout.ts';

function deployment(
  replicas: number,
  maxSurge: number | string = '25%',
  maxUnavailable: number | string = '25%',
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta('web'),
    spec: {
      replicas,
      selector: {},
      template: {},
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
    },
  };
}

function replicaSet(name: string, size: number, available = size, of?: Deployment): ReplicaSet {
  const limits = of && limitsOf(of);
  const annotations = of && sizeAnnotations(of, limits!.desired + limits!.maxSurge);
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: meta(name, { annotations }),
    spec: { replicas: size, selector: {} },
    status: { replicas: size, availableReplicas: available },
  };
}

const named = (sizes: Map<ReplicaSet, number>) =>
  Object.fromEntries([...sizes].map(([set, size]) => [set.metadata.name, size]));

describe('limits', () => {
  test.each([
    [10, '25%', '25%', { maxSurge: 3, maxUnavailable: 2 }],
    [1, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
    [4, 0, 0, { maxSurge: 0, maxUnavailable: 1 }],
    [4, '100%', 1, { maxSurge: 4, maxUnavailable: 1 }],
    [2, 0, 5, { maxSurge: 0, maxUnavailable: 2 }],
  ])('%d replicas, surge %s, unavailable %s', (replicas, surge, unavailable, expected) => {
    expect(limitsOf(deployment(replicas, surge, unavailable))).toMatchObject(expected);
  });
});

describe('the new ReplicaSet grows as far as the surge lets it', () => {
  test.each([
    ['first rollout', 0, [], 4, 4],
    ['beside a full old one', 0, [4], 4, 1],
    ['as the old one shrinks', 1, [3], 4, 2],
    ['no further than wanted', 3, [0], 4, 4],
    ['down to what is wanted', 6, [], 4, 4],
    ['no room', 1, [4], 4, 1],
  ])('%s', (_what, current, old, desired, expected) => {
    const sets = old.map((size, i) => replicaSet(`old-${i}`, size));
    expect(newSize(current, sets, limitsOf(deployment(desired)))).toBe(expected);
  });
});

describe('one step of a rolling update', () => {
  test.each([
    ['grows the new one first', replicaSet('new', 0), [replicaSet('old', 4)], { new: 1 }],
    ['waits for new pods to be available', replicaSet('new', 2, 0), [replicaSet('old', 3)], {}],
    [
      'shrinks the old as new pods become available',
      replicaSet('new', 2, 2),
      [replicaSet('old', 3)],
      { old: 1 },
    ],
    ['drops unavailable old pods at once', replicaSet('new', 1, 0), [replicaSet('old', 4, 1)], { old: 3 }],
    ['ends', replicaSet('new', 4), [replicaSet('old', 0)], {}],
  ])('%s', (_what, newer, old, expected) => {
    expect(named(rollingStep(newer, old, limitsOf(deployment(4))))).toEqual(expected);
  });
});

describe('a change of replicas', () => {
  test('is told by the size that ReplicaSets were made for', () => {
    const before = replicaSet('new', 4, 4, deployment(4));
    expect(isScaling([before], limitsOf(deployment(6)))).toBe(true);
    expect(isScaling([before], limitsOf(deployment(4)))).toBe(false);
  });

  test('goes to the only active ReplicaSet', () => {
    const before = deployment(4);
    const sizes = scaleSizes(replicaSet('new', 4, 4, before), [replicaSet('old', 0)], {
      limits: limitsOf(deployment(6)),
      rolling: true,
    });
    expect(named(sizes)).toEqual({ new: 6 });
  });

  test('in the middle of an update is shared out in proportion', () => {
    const before = deployment(10, 3, 2);
    const sizes = scaleSizes(replicaSet('new', 5, 0, before), [replicaSet('old', 8, 8, before)], {
      limits: limitsOf(deployment(15, 3, 2)),
      rolling: true,
    });
    expect(named(sizes)).toEqual({ old: 11, new: 7 });
  });
});
