import { describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../../kube/types.ts';
import { node, type PodTraits, pod } from '../test-objects.ts';
import { ClusterView } from './cluster-view.ts';
import { placePod } from './placement.ts';

function view(nodes: Node[], pods: Pod[] = []): ClusterView {
  const cluster = new ClusterView();
  for (const n of nodes) cluster.setNode(n.metadata.name, n);
  for (const p of pods) cluster.setPod(p, p.spec!.nodeName!);
  return cluster;
}

const zone = (name: string, zone: string) => node(name, { labels: { zone } });
const containers = (requests: Record<string, string>) => [{ name: 'c', resources: { requests } }];
const three = [node('n1'), node('n2'), node('n3')];
const wants = (spec: object, traits: PodTraits = {}) =>
  pod('new', { ...traits, spec: { containers: [{ name: 'c' }], ...spec } });

describe('among nodes that fit', () => {
  test('the one with the fewest pods of the same owner, then the fewest pods', () => {
    const pods = [
      pod('a', { node: 'n1', owner: 'rs' }),
      pod('b', { node: 'n2' }),
      pod('c', { node: 'n2' }),
      pod('d', { node: 'n3' }),
    ];
    expect(placePod(pod('new', { owner: 'rs' }), view(three, pods))).toEqual({ nodeName: 'n3' });
  });

  test('preferred affinity counts more, and nodes to be avoided less', () => {
    const nodes = [node('n1', { labels: { disk: 'ssd' } }), node('n2')];
    const preference = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] };
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference }] },
    };
    expect(placePod(wants({ affinity }), view(nodes, [pod('a', { node: 'n1' })]))).toEqual({
      nodeName: 'n1',
    });
    const avoided = [node('n1', { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] }), node('n2')];
    expect(placePod(pod('new'), view(avoided, [pod('a', { node: 'n2' })]))).toEqual({ nodeName: 'n2' });
  });
});

describe('pods that fit nowhere say why', () => {
  const tainted = (value?: string) => node('t', { taints: [{ key: 'gpu', value, effect: 'NoSchedule' }] });
  const small = (name: string) => node(name, { allocatable: { cpu: '1', memory: '1Gi', pods: '2' } });
  const required = (key: string) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }],
      },
    },
  });

  test.each<[string, Node[], Pod[], Pod, string]>([
    ['no nodes', [], [], pod('new'), 'no nodes available to schedule pods'],
    [
      'taints',
      [tainted('yes')],
      [],
      pod('new'),
      '0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.',
    ],
    [
      'cordoned',
      [node('n1', { unschedulable: true })],
      [],
      pod('new'),
      '0/1 nodes are available: 1 node(s) were unschedulable.',
    ],
    [
      'nodeSelector',
      three,
      [],
      wants({ nodeSelector: { disk: 'ssd' } }),
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      'affinity',
      three,
      [],
      wants({ affinity: required('disk') }),
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      'cpu',
      [small('n1')],
      [pod('a', { node: 'n1', spec: { containers: containers({ cpu: '900m' }) } })],
      wants({ containers: containers({ cpu: '101m' }) }),
      '0/1 nodes are available: 1 Insufficient cpu.',
    ],
    [
      'number of pods',
      [small('n1')],
      [pod('a', { node: 'n1' }), pod('b', { node: 'n1' })],
      pod('new'),
      '0/1 nodes are available: 1 Too many pods.',
    ],
    [
      'reasons of several nodes, in order',
      [tainted(), small('n1'), small('n2')],
      [],
      wants({ containers: containers({ memory: '2Gi' }) }),
      '0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, 2 Insufficient memory.',
    ],
  ])('%s', (_what, nodes, pods, newcomer, message) => {
    expect(placePod(newcomer, view(nodes, pods))).toEqual({ message });
  });
});

test('requests just fit, and finished pods free them', () => {
  const small = node('n1', { allocatable: { cpu: '1', memory: '1Gi', pods: '10' } });
  const full = pod('a', { node: 'n1', spec: { containers: containers({ cpu: '900m' }) } });
  expect(placePod(wants({ containers: containers({ cpu: '100m' }) }), view([small], [full]))).toEqual({
    nodeName: 'n1',
  });
  const cluster = view([small], [full]);
  cluster.setPod({ ...full, status: { ...full.status, phase: 'Succeeded' } }, 'n1');
  expect(placePod(wants({ containers: containers({ cpu: '1' }) }), cluster)).toEqual({ nodeName: 'n1' });
});

test('host ports: one pod a node, by address and protocol', () => {
  const port = (hostPort: number, more: object = {}) => ({
    containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort, ...more }] }],
  });
  const taken = pod('a', { node: 'n1', spec: port(80) });
  const nodes = [node('n1')];
  expect(placePod(wants(port(80)), view(nodes, [taken]))).toHaveProperty('message');
  expect(placePod(wants(port(80, { hostIP: '10.0.0.1' })), view(nodes, [taken]))).toHaveProperty('message');
  expect(placePod(wants(port(80, { protocol: 'UDP' })), view(nodes, [taken]))).toEqual({ nodeName: 'n1' });
  expect(placePod(wants(port(81)), view(nodes, [taken]))).toEqual({ nodeName: 'n1' });
});

describe('rules between pods', () => {
  const nodes = [zone('n1', 'a'), zone('n2', 'a'), zone('n3', 'b')];
  const term = (topologyKey: string) => ({ topologyKey, labelSelector: { matchLabels: { app: 'web' } } });
  const anti = (topologyKey: string) => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(topologyKey)] } },
  });
  const near = {
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('zone')] } },
  };
  const web = (name: string, on: string, spec: object = {}) =>
    pod(name, { node: on, labels: { app: 'web' }, spec: { containers: [{ name: 'c' }], ...spec } });

  test('anti-affinity keeps away by node or by zone', () => {
    const pods = [web('a', 'n1')];
    expect(placePod(wants(anti('zone')), view(nodes, pods))).toEqual({ nodeName: 'n3' });
    expect(placePod(wants(anti('zone')), view(nodes.slice(0, 2), pods))).toEqual({
      message: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
    });
    expect(placePod(wants(anti('kubernetes.io/hostname')), view(nodes, [...pods, web('b', 'n3')]))).toEqual({
      nodeName: 'n2',
    });
  });

  test('pods that are there keep others away too', () => {
    const pods = [web('a', 'n1', anti('zone'))];
    const newcomer = pod('new', { labels: { app: 'web' } });
    expect(placePod(newcomer, view(nodes, pods))).toEqual({ nodeName: 'n3' });
    expect(placePod(pod('other'), view(nodes, pods))).toEqual({ nodeName: 'n2' });
  });

  test('affinity goes where such a pod is; the first of a group goes anywhere', () => {
    expect(placePod(wants(near), view(nodes, [web('a', 'n3')]))).toEqual({ nodeName: 'n3' });
    expect(placePod(wants(near), view(nodes))).toEqual({
      message: "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
    });
    expect(placePod(wants(near, { labels: { app: 'web' } }), view(nodes))).toEqual({ nodeName: 'n1' });
  });

  test('a topology spread keeps zones even', () => {
    const spread = {
      topologyKey: 'zone',
      maxSkew: 1,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
    };
    const newcomer = wants({ topologySpreadConstraints: [spread] }, { labels: { app: 'web' } });
    const crowd = [pod('x', { node: 'n3' }), pod('y', { node: 'n3' }), pod('z', { node: 'n3' })];
    expect(placePod(newcomer, view(nodes, [web('a', 'n1'), ...crowd]))).toEqual({ nodeName: 'n3' });
    expect(placePod(newcomer, view([...nodes, node('bare')], [web('a', 'n1'), web('b', 'n3')]))).toEqual({
      nodeName: 'n2',
    });
  });
});
