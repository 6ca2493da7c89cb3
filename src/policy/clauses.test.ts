/** NetworkPolicy clause by clause, in the order of the API's reference; each by the state and by the objects. */
import { describe, expect, test } from 'vitest';
import { clusterWith, passes, passing, peers, portsPassing, subjectIp6 } from './testing/clauses.ts';
import type { PolicySpec } from './testing/objects.ts';
import { pod } from './testing/objects.ts';

const everyone = Object.keys(peers);
const isFrontend = { matchLabels: { role: 'frontend' } };
const allow = { from: [{ podSelector: isFrontend }] };

describe('podSelector', () => {
  test('without any policy nothing is isolated', () => {
    expect(passing(clusterWith([]))).toEqual(everyone);
    expect(passing(clusterWith([]), { direction: 'egress' })).toEqual(everyone);
  });

  test.each<[string, PolicySpec['podSelector'] | undefined, string[]]>([
    ['selects the pods to which the policy applies', { matchLabels: { role: 'db' } }, []],
    ['others are not isolated', { matchLabels: { role: 'web' } }, everyone],
    ['an empty one matches all pods in the namespace', {}, []],
    ['if it is not specified it defaults to an empty selector', undefined, []],
    [
      'matchExpressions: In',
      { matchExpressions: [{ key: 'role', operator: 'In', values: ['a', 'db'] }] },
      [],
    ],
    ['NotIn', { matchExpressions: [{ key: 'role', operator: 'NotIn', values: ['db'] }] }, everyone],
    ['Exists', { matchExpressions: [{ key: 'role', operator: 'Exists' }] }, []],
    ['DoesNotExist', { matchExpressions: [{ key: 'role', operator: 'DoesNotExist' }] }, everyone],
  ])('%s', (_, podSelector, expected) => {
    expect(passing(clusterWith([podSelector ? { podSelector } : {}]))).toEqual(expected);
  });

  test('policies of other namespaces select none of this', () => {
    const cluster = clusterWith([{}]);
    const [only] = cluster.policies.list();
    cluster.policies.replace([{ ...only!, metadata: { ...only!.metadata, namespace: 'other' } }]);
    expect(passing(cluster)).toEqual(everyone);
  });

  test('rules of all policies that select a pod are combined additively', () => {
    const other: PolicySpec = { ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }] };
    expect(passing(clusterWith([{ ingress: [allow] }, other]))).toEqual(['frontend', 'outside']);
  });

  test('pods with their node’s network are not selected', () => {
    const cluster = clusterWith([{}], { subject: { hostNetwork: true } });
    expect(cluster.state().pods.size).toBe(0);
  });
});

describe('policyTypes', () => {
  const ingress: PolicySpec['ingress'] = [allow];
  const egress: PolicySpec['egress'] = [{ to: [{ podSelector: isFrontend }] }];

  test.each<[string, PolicySpec, { ingress: string[]; egress: string[] }]>([
    ['not specified: Ingress, without any section', {}, { ingress: [], egress: everyone }],
    ['not specified: Ingress', { ingress }, { ingress: ['frontend'], egress: everyone }],
    ['not specified, with an egress section: both', { egress }, { ingress: [], egress: ['frontend'] }],
    ['empty: as not specified', { policyTypes: [], egress }, { ingress: [], egress: ['frontend'] }],
    ['an empty egress section is none', { egress: [] }, { ingress: [], egress: everyone }],
    ['Egress alone', { policyTypes: ['Egress'], egress }, { ingress: everyone, egress: ['frontend'] }],
    ['Egress without rules denies all', { policyTypes: ['Egress'] }, { ingress: everyone, egress: [] }],
    [
      'rules of a direction that is not named are nothing',
      { policyTypes: ['Ingress'], ingress, egress },
      { ingress: ['frontend'], egress: everyone },
    ],
    ['both', { policyTypes: ['Ingress', 'Egress'], ingress }, { ingress: ['frontend'], egress: [] }],
  ])('%s', (_, spec, expected) => {
    const cluster = clusterWith([spec]);
    expect(passing(cluster)).toEqual(expected.ingress);
    expect(passing(cluster, { direction: 'egress' })).toEqual(expected.egress);
  });
});

describe('from', () => {
  test.each<[string, NonNullable<NonNullable<PolicySpec['ingress']>[number]['from']> | undefined, string[]]>([
    ['missing: all sources', undefined, everyone],
    ['empty: all sources', [], everyone],
    ['podSelector alone: pods of the policy’s namespace', [{ podSelector: isFrontend }], ['frontend']],
    ['an empty podSelector: all pods of it', [{ podSelector: {} }], ['frontend', 'backend']],
    [
      'namespaceSelector alone: all pods of those',
      [{ namespaceSelector: { matchLabels: { project: 'mine' } } }],
      ['otherFrontend', 'otherBackend'],
    ],
    [
      'an empty namespaceSelector: all namespaces',
      [{ namespaceSelector: {} }],
      ['frontend', 'backend', 'otherFrontend', 'otherBackend', 'thirdFrontend'],
    ],
    [
      'kubernetes.io/metadata.name is a label as any other',
      [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'third' } } }],
      ['thirdFrontend'],
    ],
    [
      'both in one item: pods matching in namespaces that match',
      [{ namespaceSelector: { matchLabels: { project: 'mine' } }, podSelector: isFrontend }],
      ['otherFrontend'],
    ],
    [
      'in two items: either',
      [{ namespaceSelector: { matchLabels: { project: 'mine' } } }, { podSelector: isFrontend }],
      ['frontend', 'otherFrontend', 'otherBackend'],
    ],
    [
      'ipBlock: addresses, be they pods’ or not',
      [{ ipBlock: { cidr: '10.0.1.0/24' } }],
      ['frontend', 'backend'],
    ],
    [
      'ipBlock with except',
      [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.1.0/24', '10.0.2.2/32'] } }],
      ['otherFrontend', 'thirdFrontend'],
    ],
    [
      'what one block excepts another may allow',
      [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.1.0/24'] } }, { ipBlock: { cidr: '10.0.1.2/32' } }],
      ['backend', 'otherFrontend', 'otherBackend', 'thirdFrontend'],
    ],
    ['ipBlock of everything', [{ ipBlock: { cidr: '0.0.0.0/0' } }], everyone],
    ['a block of IPv6 holds no IPv4', [{ ipBlock: { cidr: '::/0' } }], []],
    ['host bits of a block say nothing', [{ ipBlock: { cidr: '10.0.1.77/24' } }], ['frontend', 'backend']],
    [
      'v4-mapped text is IPv4',
      [{ ipBlock: { cidr: '::ffff:10.0.2.0/120' } }],
      ['otherFrontend', 'otherBackend'],
    ],
    ['hostNetwork pods are peers by address only', [{ ipBlock: { cidr: '172.16.0.0/12' } }], ['hostNetwork']],
  ])('%s', (_, from, expected) => {
    expect(passing(clusterWith([{ ingress: [from ? { from } : {}] }]))).toEqual(expected);
    const egress = [from ? { to: from } : {}];
    const sender = clusterWith([{ policyTypes: ['Egress'], egress }]);
    expect(passing(sender, { direction: 'egress' })).toEqual(expected);
  });

  test('IPv6, with blocks inside one another', () => {
    const ipBlock = { cidr: 'fd00::/16', except: ['fd00::1:0/112'] };
    const cluster = clusterWith([{ ingress: [{ from: [{ ipBlock }, { podSelector: isFrontend }] }] }]);
    expect(passes(cluster, { peer: 'fd00::1:1' })).toBe(true);
    expect(passes(cluster, { peer: 'fd00::1:2' })).toBe(false);
    expect(passes(cluster, { peer: 'fd00::2:2' })).toBe(true);
    expect(passes(cluster, { peer: 'fd01::1' })).toBe(false);
    expect(cluster.state().pods.get(subjectIp6)?.ingress).toBe(true);
  });
});

describe('ports', () => {
  const tried = [53, 79, 80, 81, 443, 8080, 9090];
  const peer = peers.backend;
  const ingress = (ports: NonNullable<NonNullable<PolicySpec['ingress']>[number]['ports']>): PolicySpec => ({
    ingress: [{ ports }],
  });

  test('empty or missing: all ports, and protocols that have none', () => {
    const cluster = clusterWith([ingress([])]);
    expect(portsPassing(cluster, tried, { peer, protocol: 'SCTP' })).toEqual(tried);
    expect([...cluster.state().rules.values()]).toMatchObject([{ protocol: 0, port: 0, portBits: 0 }]);
  });

  test('protocol defaults to TCP', () => {
    const cluster = clusterWith([ingress([{ port: 80 }])]);
    expect(portsPassing(cluster, tried, { peer })).toEqual([80]);
    expect(portsPassing(cluster, tried, { peer, protocol: 'UDP' })).toEqual([]);
  });

  test('without a port: all of the protocol', () => {
    const cluster = clusterWith([ingress([{ protocol: 'SCTP' }])]);
    expect(portsPassing(cluster, tried, { peer, protocol: 'SCTP' })).toEqual(tried);
    expect(portsPassing(cluster, tried, { peer })).toEqual([]);
  });

  test('items are combined by or', () => {
    const cluster = clusterWith([ingress([{ port: 80 }, { protocol: 'UDP', port: 53 }])]);
    expect(portsPassing(cluster, tried, { peer })).toEqual([80]);
    expect(portsPassing(cluster, tried, { peer, protocol: 'UDP' })).toEqual([53]);
  });

  test.each([
    [80, 443, [80, 81, 443]],
    [79, 81, [79, 80, 81]],
    [80, 80, [80]],
    [1, 65535, tried],
    [81, 80, []],
  ])('endPort: %i to %i, inclusive', (port, endPort, expected) => {
    const cluster = clusterWith([ingress([{ port, endPort }])]);
    expect(portsPassing(cluster, tried, { peer })).toEqual(expected);
  });

  test('traffic must match both ports and from', () => {
    const cluster = clusterWith([{ ingress: [{ ...allow, ports: [{ port: 80 }] }] }]);
    expect(passing(cluster, { port: 80 })).toEqual(['frontend']);
    expect(passing(cluster, { port: 81 })).toEqual([]);
  });
});

describe('named ports', () => {
  const tried = [80, 8080, 9090];

  test('of ingress: those of the pod itself, by name and protocol, sidecars included', () => {
    const subject = {
      ports: ['http:80/TCP', 'http:9090/UDP'],
      sidecarPorts: ['http:8080/TCP'],
      initPorts: ['http:9090/TCP'],
    };
    const cluster = clusterWith([{ ingress: [{ ports: [{ port: 'http' }] }] }], { subject });
    expect(portsPassing(cluster, tried, { peer: peers.backend })).toEqual([80, 8080]);
    expect(portsPassing(cluster, tried, { peer: peers.backend, protocol: 'UDP' })).toEqual([]);
  });

  test('that the pod lacks match nothing, and it stays isolated', () => {
    const cluster = clusterWith([{ ingress: [{ ports: [{ port: 'http' }] }] }]);
    expect(portsPassing(cluster, tried, { peer: peers.backend })).toEqual([]);
  });

  const named = (to: NonNullable<PolicySpec['egress']>[number]['to']): PolicySpec => ({
    policyTypes: ['Egress'],
    egress: [{ to: to!, ports: [{ port: 'http' }] }],
  });
  const at = (spec: PolicySpec, peer: string) =>
    portsPassing(clusterWith([spec]), tried, { peer, direction: 'egress' });

  test('of egress: those of each peer', () => {
    const spec = named([{ namespaceSelector: {} }]);
    expect(at(spec, peers.backend)).toEqual([8080]);
    expect(at(spec, peers.otherFrontend)).toEqual([9090]);
    expect(at(spec, peers.otherBackend)).toEqual([]);
    expect(at(spec, peers.outside)).toEqual([]);
  });

  test('of egress to anyone: of any pod that has one, and of no other address', () => {
    expect(at(named([]), peers.backend)).toEqual([8080]);
    expect(at(named([]), peers.otherFrontend)).toEqual([9090]);
    expect(at(named([]), peers.outside)).toEqual([]);
  });

  test('of egress to a block: of pods in it', () => {
    const spec = named([{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.2.0/24'] } }]);
    expect(at(spec, peers.backend)).toEqual([8080]);
    expect(at(spec, peers.otherFrontend)).toEqual([]);
    expect(at(spec, peers.outside)).toEqual([]);
  });

  test('of egress to a block follow pods that come, move and go', () => {
    const cluster = clusterWith([named([{ ipBlock: { cidr: '10.0.4.0/24' } }])]);
    const at = (peer: string) => portsPassing(cluster, tried, { peer, direction: 'egress' });
    const moving = (ip: string) => pod('third/late', { ips: [ip], ports: ['http:80/TCP'] });
    expect(at('10.0.4.1')).toEqual([]);
    cluster.pods.set(moving('10.0.4.1'));
    expect(at('10.0.4.1')).toEqual([80]);
    cluster.pods.set(moving('10.0.4.2'));
    expect(at('10.0.4.1')).toEqual([]);
    expect(at('10.0.4.2')).toEqual([80]);
    cluster.pods.delete('third/late');
    expect(at('10.0.4.2')).toEqual([]);
    expect([...cluster.state().blocks.keys()]).toEqual([]);
  });
});

describe('addresses of pods', () => {
  const cluster = (...pods: Parameters<typeof pod>[]) =>
    clusterWith([{ ingress: [allow] }], { pods: pods.map(([key, options]) => pod(key, options)) });
  const labels = { role: 'frontend' };
  const ip = '10.0.9.9';

  test('of those that have ended are no longer theirs', () => {
    for (const phase of ['Succeeded', 'Failed'] as const)
      expect(passes(cluster(['default/job', { labels, ips: [ip], phase }]), { peer: ip })).toBe(false);
  });

  test('are the newest pod’s', () => {
    const old = { ips: [ip], created: 1 };
    const young = { ips: [ip], created: 2 };
    const passesWith = (...pods: Parameters<typeof pod>[]) => passes(cluster(...pods), { peer: ip });
    expect(passesWith(['default/old', old], ['default/young', { ...young, labels }])).toBe(true);
    expect(passesWith(['default/old', { ...old, labels }], ['default/young', young])).toBe(false);
    const sameSecond = { ...young, version: 1e15 };
    expect(passesWith(['default/a', young], ['default/b', { ...sameSecond, labels }])).toBe(true);
    expect(passesWith(['default/a', { ...young, labels }], ['default/b', sameSecond])).toBe(false);
  });
});
