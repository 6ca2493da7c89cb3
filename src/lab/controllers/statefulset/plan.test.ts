import { describe, expect, test } from 'vitest';
import type { Pod, StatefulSet } from '../../../kube/types.ts';
import { meta, type PodTraits, pod } from '../test-objects.ts';
import { newPod } from './identity.ts';
import { planStatefulSet } from './plan.ts';

type Spec = NonNullable<StatefulSet['spec']>;

function set(replicas: number, more: Partial<Spec> = {}, currentRevision?: string): StatefulSet {
  const template = { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: meta('db'),
    spec: { replicas, serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template, ...more },
    ...(currentRevision === undefined ? {} : { status: { replicas: 0, currentRevision } }),
  };
}

const member = (ordinal: number, traits: PodTraits & { revision?: string } = {}) =>
  pod(`db-${ordinal}`, {
    ready: true,
    labels: { 'controller-revision-hash': traits.revision ?? 'new' },
    ...traits,
  });

function plan(of: StatefulSet, pods: Pod[]) {
  const { create, remove, status } = planStatefulSet({
    set: of,
    pods,
    updateRevision: 'new',
    now: Date.UTC(2026, 0, 2),
  });
  return {
    create: create.map(({ ordinal, revision }) => `${ordinal} ${revision}`),
    remove: remove.map((p) => p.metadata.name),
    status,
  };
}

const parallel = { podManagementPolicy: 'Parallel' as const };

describe('one after the other', () => {
  test.each([
    ['begins with the first', [], { create: ['0 new'], remove: [] }],
    ['waits for the first to be ready', [member(0, { ready: false })], { create: [], remove: [] }],
    ['goes on when it is', [member(0)], { create: ['1 new'], remove: [] }],
    ['replaces a failed one', [member(0, { phase: 'Failed' })], { create: [], remove: ['db-0'] }],
    ['fills a gap', [member(0), member(2)], { create: ['1 new'], remove: [] }],
    [
      'removes the highest of too many',
      [member(0), member(1), member(2), member(3), member(4)],
      { create: [], remove: ['db-4'] },
    ],
    [
      'one at a time',
      [member(0), member(1), member(2), member(3), member(4, { terminating: true })],
      { create: [], remove: [] },
    ],
  ])('%s', (_what, pods, expected) => {
    expect(plan(set(3), pods)).toMatchObject(expected);
  });
});

describe('in parallel', () => {
  test('all are made at once', () => {
    expect(plan(set(3, parallel), []).create).toEqual(['0 new', '1 new', '2 new']);
  });

  test('all that are too many go at once', () => {
    expect(plan(set(1, parallel), [member(0), member(1), member(2)]).remove).toEqual(['db-2', 'db-1']);
  });
});

describe('an update', () => {
  const old = (ordinal: number, traits: PodTraits = {}) => member(ordinal, { revision: 'old', ...traits });
  const partition = (value: number) => ({
    updateStrategy: { type: 'RollingUpdate' as const, rollingUpdate: { partition: value } },
  });

  test.each([
    ['replaces the highest first', {}, [old(0), old(1), old(2)], ['db-2']],
    ['then the next', {}, [old(0), old(1), member(2)], ['db-1']],
    ['waits for the replaced one', parallel, [old(0), old(1), member(2, { ready: false })], []],
    ['stops at the partition', partition(2), [old(0), old(1), member(2)], []],
    [
      'does nothing by itself on OnDelete',
      { updateStrategy: { type: 'OnDelete' as const } },
      [old(0), old(1), old(2)],
      [],
    ],
  ])('%s', (_what, spec, pods, remove) => {
    expect(plan(set(3, spec, 'old'), pods).remove).toEqual(remove);
  });

  test('a pod below the partition comes back as it was', () => {
    expect(plan(set(3, partition(2), 'old'), [old(1), member(2)]).create).toEqual(['0 old']);
  });

  test('is complete when all pods are new and ready', () => {
    expect(plan(set(2, {}, 'old'), [member(0), old(1)]).status).toMatchObject({
      currentRevision: 'old',
      updateRevision: 'new',
      currentReplicas: 1,
      updatedReplicas: 1,
    });
    expect(plan(set(2, {}, 'old'), [member(0), member(1)]).status).toMatchObject({
      currentRevision: 'new',
      currentReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
    });
  });
});

test('a pod carries its identity; claims become empty directories', () => {
  const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' } }] } as Partial<Spec>;
  const owner = set(1, claims);
  const made = newPod(owner, 0, { revision: 'db-abc', template: owner.spec!.template });
  expect(made).toMatchObject({
    metadata: {
      name: 'db-0',
      labels: {
        app: 'db',
        'statefulset.kubernetes.io/pod-name': 'db-0',
        'apps.kubernetes.io/pod-index': '0',
        'controller-revision-hash': 'db-abc',
      },
      ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }],
    },
    spec: { hostname: 'db-0', subdomain: 'db', volumes: [{ name: 'data', emptyDir: {} }] },
  });
});
