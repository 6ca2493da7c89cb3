import { describe, expect, test } from 'vitest';
import type { DaemonSet, Node, Pod } from '../../../kube/types.ts';
import { meta, node, type PodTraits, pod } from '../test-objects.ts';
import { daemonSpec, specForNode } from './placement.ts';
import { planDaemonSet } from './plan.ts';

type Spec = NonNullable<DaemonSet['spec']>;

function set(podSpec: object = {}, more: Partial<Spec> = {}): DaemonSet {
  const template = {
    metadata: { labels: { app: 'dns' } },
    spec: { containers: [{ name: 'dns' }], ...podSpec },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta('dns'),
    spec: { selector: { matchLabels: { app: 'dns' } }, template, ...more },
  };
}

const daemon = (on: string, hash = 'new', traits: PodTraits = {}) =>
  pod(`${on}-${hash}`, { node: on, ready: true, labels: { 'controller-revision-hash': hash }, ...traits });

function plan(of: DaemonSet, nodes: Node[], pods: Pod[] = []) {
  const state = { set: of, nodes, pods, hash: 'new', settled: true, now: Date.UTC(2026, 0, 2) };
  const { create, remove, status } = planDaemonSet(state);
  return { create, remove: remove.map(({ metadata }) => metadata.name), status };
}

const three = [node('n1'), node('n2'), node('n3')];

describe('where', () => {
  test.each([
    ['every node', {}, three, ['n1', 'n2', 'n3']],
    [
      'nodes with the label',
      { nodeSelector: { disk: 'ssd' } },
      [node('n1'), node('n2', { labels: { disk: 'ssd' } })],
      ['n2'],
    ],
    [
      'not where a taint is not tolerated',
      {},
      [node('n1', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] }), node('n2')],
      ['n2'],
    ],
    [
      'there too with a toleration',
      { tolerations: [{ operator: 'Exists' }] },
      [node('n1', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] })],
      ['n1'],
    ],
    [
      'cordoned and unready nodes as well',
      {},
      [
        node('n1', {
          unschedulable: true,
          taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }],
        }),
      ],
      ['n1'],
    ],
  ])('%s', (_what, podSpec, nodes, expected) => {
    expect(plan(set(podSpec), nodes).create).toEqual(expected);
  });

  test('a pod of a node that no longer fits goes only on NoExecute', () => {
    const nodes = [
      node('n1', { taints: [{ key: 'gpu', effect: 'NoSchedule' }] }),
      node('n2', { taints: [{ key: 'gpu', effect: 'NoExecute' }] }),
    ];
    const { remove, status } = plan(set(), nodes, [daemon('n1'), daemon('n2')]);
    expect(remove).toEqual(['n2-new']);
    expect(status.numberMisscheduled).toBe(2);
  });

  test('the pod is for its node alone, and for every term of its own affinity', () => {
    const spec = specForNode(daemonSpec(set().spec!.template), 'n1');
    expect(
      spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
    ).toEqual([{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }]);
  });
});

test('duplicates, failed pods and pods of nodes that are gone are removed', () => {
  const pods = [
    daemon('n1'),
    { ...daemon('n1'), metadata: meta('twin', { labels: { 'controller-revision-hash': 'new' } }) },
  ];
  expect(plan(set(), [node('n1')], pods).remove).toEqual(['twin']);
  expect(plan(set(), [node('n1')], [daemon('n1', 'new', { phase: 'Failed' })]).remove).toEqual(['n1-new']);
  expect(plan(set(), [], [daemon('n9')]).remove).toEqual(['n9-new']);
});

describe('a rolling update', () => {
  const old = (on: string, traits: PodTraits = {}) => daemon(on, 'old', traits);
  const strategy = (rollingUpdate: object) =>
    set({}, { updateStrategy: { type: 'RollingUpdate', rollingUpdate } });

  test.each([
    ['replaces one at a time', strategy({}), [old('n1'), old('n2'), old('n3')], ['n1-old'], []],
    [
      'waits while one is missing',
      strategy({}),
      [old('n1', { terminating: true }), old('n2'), old('n3')],
      [],
      [],
    ],
    [
      'as many as may be unavailable',
      strategy({ maxUnavailable: '67%' }),
      [old('n1'), old('n2'), old('n3')],
      ['n1-old', 'n2-old', 'n3-old'],
      [],
    ],
    [
      'an old pod that is not ready goes at once',
      strategy({}),
      [old('n1', { ready: false }), old('n2', { ready: false }), old('n3')],
      ['n1-old', 'n2-old'],
      [],
    ],
    [
      'with surge the new one comes first',
      strategy({ maxSurge: 1, maxUnavailable: 0 }),
      [old('n1'), old('n2'), old('n3')],
      [],
      ['n1'],
    ],
    [
      'and the old goes when it is ready',
      strategy({ maxSurge: 1, maxUnavailable: 0 }),
      [old('n1'), daemon('n1'), old('n2'), old('n3')],
      ['n1-old'],
      [],
    ],
    [
      'not at all on OnDelete',
      set({}, { updateStrategy: { type: 'OnDelete' } }),
      [old('n1'), old('n2'), old('n3')],
      [],
      [],
    ],
  ])('%s', (_what, of, pods, remove, create) => {
    expect(plan(of, three, pods)).toMatchObject({ remove, create });
  });
});

test('the status counts nodes', () => {
  const pods = [daemon('n1'), daemon('n2', 'old', { ready: false })];
  expect(plan(set(), three, pods).status).toEqual({
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    updatedNumberScheduled: 1,
    numberReady: 1,
    numberAvailable: 1,
    numberUnavailable: 2,
    numberMisscheduled: 0,
    observedGeneration: 1,
  });
});
