/** What the calculator needs to know, and when; what it keeps out of the state. */
import { expect, test } from 'vitest';
import { parseIp } from '../net/ip.ts';
import { judge } from './judge.ts';
import { noSubject } from './policy-state.ts';
import { namespace, pod, policy, TestCluster } from './testing/objects.ts';

const ip = '10.0.0.1';
const local = () => pod('a/local', { ips: [ip], labels: { app: 'x' }, local: true });
const closed = { subject: noSubject, ingress: true, egress: true };
const denyAll = policy('a/deny', {});
const fromApp = policy('a/from-app', {
  podSelector: { matchLabels: { app: 'x' } },
  ingress: [{ from: [{ podSelector: { matchLabels: { app: 'y' } } }] }],
});

function attached(name: string, uid?: string) {
  return { namespace: 'a', name, ips: [parseIp('10.0.0.8')], ...(uid && { uid }) };
}

test('pods are asked for with the first policy, wherever it is', () => {
  const cluster = new TestCluster({ pods: [local()] });
  cluster.calculator.know(local());
  cluster.state();
  expect(cluster.podsAsked).toBe(0);
  cluster.policies.set(policy('b/other', {}));
  expect(cluster.podsAsked).toBe(1);
  cluster.policies.set(denyAll);
  expect(cluster.podsAsked).toBe(1);
});

test('without any policy the state is empty', () => {
  const state = new TestCluster({ pods: [local()], namespaces: [namespace('a')] }).state();
  expect([state.pods, state.peers, state.blocks, state.rules].map(({ size }) => size)).toEqual([0, 0, 0, 0]);
});

test('is synced once all that was asked for is known, and tells', async () => {
  const cluster = new TestCluster({}, true);
  const { calculator } = cluster;
  expect(calculator.hasSynced).toBe(false);
  expect(calculator.hasPolicies('a')).toBeUndefined();
  cluster.namespaces.replace([]);
  cluster.policies.replace([]);
  expect(calculator.hasSynced).toBe(true);
  expect(calculator.hasPolicies('a')).toBe(false);
  cluster.policies.set(denyAll);
  expect(calculator.hasPolicies('a')).toBe(true);
  expect(calculator.hasPolicies('b')).toBe(false);
  expect(calculator.hasSynced).toBe(false);
  await Promise.resolve();
  const { told } = cluster;
  cluster.pods.replace([]);
  expect(calculator.hasSynced).toBe(true);
  await expect.poll(() => cluster.told).toBeGreaterThan(told);
});

test('a local pod that the API does not know is closed where its namespace has policies', () => {
  const cluster = new TestCluster({ namespaces: [namespace('a')] });
  cluster.attached.push(attached('new'));
  expect(cluster.state().pods.size).toBe(0);
  cluster.policies.set(policy('b/other', {}));
  expect(cluster.state().pods.size).toBe(0);
  cluster.policies.set(fromApp);
  expect(cluster.state().pods.get('10.0.0.8')).toEqual(closed);
  // It turns out that no policy selects it.
  cluster.pods.set(pod('a/new'));
  expect(cluster.state().pods.size).toBe(0);
});

test('so is one whose name another pod has by now', () => {
  const cluster = new TestCluster({ policies: [denyAll], pods: [pod('a/new', { uid: 'young' })] });
  cluster.attached.push(attached('new', 'old'));
  expect(cluster.state().pods.get('10.0.0.8')).toEqual(closed);
  cluster.attached.splice(0, 1, attached('new', 'young'));
  expect(cluster.state().pods.get('10.0.0.8')).toMatchObject({ ingress: true, egress: false });
});

test('the address of a local pod that is not known is nobody’s, whatever the API says of it', () => {
  const stale = pod('a/stale', { ips: ['10.0.0.8'], labels: { app: 'y' } });
  const cluster = new TestCluster({ policies: [fromApp], pods: [local(), stale] });
  expect(cluster.state().peers.has('10.0.0.8')).toBe(true);
  cluster.attached.push(attached('new'));
  expect(cluster.state().peers.has('10.0.0.8')).toBe(false);
  cluster.pods.set(pod('a/new', { labels: { app: 'y' } }));
  expect(cluster.state().peers.has('10.0.0.8')).toBe(true);
});

test('a pod that was told of counts until the watch knows it, or a newer one of its name', () => {
  const cluster = new TestCluster({ policies: [fromApp], namespaces: [namespace('a')] });
  cluster.attached.push(attached('new', 'young'));
  const told = pod('a/new', { uid: 'young', labels: { app: 'x' }, version: 5 });
  const isolated = () => cluster.state().pods.get('10.0.0.8');
  cluster.pods.set(pod('a/new', { uid: 'old', version: 4 }));
  expect(isolated()).toEqual(closed);
  cluster.calculator.know(told);
  expect(isolated()).toMatchObject({ ingress: true, egress: false });
  // The end of its predecessor is not its own.
  cluster.pods.delete('a/new');
  expect(isolated()).toMatchObject({ ingress: true, egress: false });
  cluster.pods.set(pod('a/new', { uid: 'young', version: 6 }));
  expect(isolated()).toBeUndefined();
  cluster.calculator.know(told);
  expect(isolated()).toBeUndefined();
});

test('a pod that was told of is forgotten once it is no longer attached', () => {
  const cluster = new TestCluster({ policies: [fromApp] });
  cluster.calculator.know(pod('a/new', { labels: { app: 'x' } }));
  cluster.attached.push(attached('new'));
  expect(cluster.state().pods.get('10.0.0.8')?.subject).not.toBe(noSubject);
  cluster.attached.pop();
  expect(cluster.state().pods.size).toBe(0);
  cluster.attached.push(attached('new'));
  expect(cluster.state().pods.get('10.0.0.8')).toEqual(closed);
});

test('a local pod’s addresses are those that the network knows, before the API does', () => {
  const cluster = new TestCluster({
    policies: [fromApp],
    pods: [local(), pod('a/new', { labels: { app: 'y' } })],
  });
  cluster.attached.push(attached('new'));
  const { peers, pods } = cluster.state();
  expect(peers.has('10.0.0.8')).toBe(true);
  expect([...pods.keys()]).toEqual([ip]);
});

test('peers are those whom rules of local pods name', () => {
  const peer = (key: string, app: string, address: string) => pod(key, { labels: { app }, ips: [address] });
  const pods = [
    local(),
    peer('a/y', 'y', '10.0.1.1'),
    peer('a/z', 'z', '10.0.1.2'),
    peer('b/y', 'y', '10.0.1.3'),
  ];
  const cluster = new TestCluster({ pods });
  cluster.policies.set(policy('b/all', { ingress: [{ from: [{ podSelector: {} }] }] }));
  expect(cluster.state().peers.size).toBe(0);
  cluster.policies.set(fromApp);
  expect([...cluster.state().peers.keys()]).toEqual(['10.0.1.1']);
  cluster.policies.delete('a/from-app');
  expect(cluster.state().peers.size).toBe(0);
  expect(cluster.state().rules.size).toBe(0);
});

test('pods that are alike in namespace, labels and named ports have one number, the same each time', () => {
  const labels = { app: 'x', tier: '1' };
  const ports = ['web:80/TCP', ':9090/TCP'];
  const pods = [
    pod('a/one', { local: true, ips: ['10.0.0.1'], labels, ports }),
    pod('a/two', { local: true, ips: ['10.0.0.2'], labels: { tier: '1', app: 'x' }, ports: ['web:80/TCP'] }),
    pod('a/other-port', { local: true, ips: ['10.0.0.3'], labels, ports: ['web:81/TCP'] }),
    pod('a/other-label', { local: true, ips: ['10.0.0.4'], labels: { app: 'x' }, ports }),
    pod('b/other-namespace', { local: true, ips: ['10.0.0.5'], labels, ports }),
  ];
  const numbers = () => {
    const cluster = new TestCluster({
      pods,
      policies: [denyAll, policy('b/deny', {})],
      namespaces: [namespace('a')],
    });
    const before = [...cluster.state().pods.values()].map(({ subject }) => subject);
    cluster.namespaces.set(namespace('a', { team: 'b' }));
    expect([...cluster.state().pods.values()].map(({ subject }) => subject)).toEqual(before);
    return before;
  };
  expect(numbers()).toEqual(numbers());
  expect(numbers()[0]).toBe(numbers()[1]);
  expect(new Set(numbers()).size).toBe(4);
});

test('labels of a namespace decide anew when they change', () => {
  const fromTeam = policy('a/team', {
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'y' } } }] }],
  });
  const cluster = new TestCluster({
    policies: [fromTeam],
    namespaces: [namespace('a'), namespace('b')],
    pods: [local(), pod('b/peer', { ips: ['10.0.2.1'] })],
  });
  const passes = () => {
    const packet = { direction: 'ingress', protocol: 6, port: 80 } as const;
    return judge(cluster.state(), { ...packet, pod: parseIp(ip), peer: parseIp('10.0.2.1') });
  };
  expect(passes()).toBe(false);
  cluster.namespaces.set(namespace('b', { team: 'y' }));
  expect(passes()).toBe(true);
  cluster.namespaces.delete('b');
  expect(passes()).toBe(false);
});

test('of blocks inside one another each stands for all that hold it, and IPv4 is no part of ::/0', () => {
  const blocks = (...given: { cidr: string; except?: string[] }[]) => {
    const from = given.map((ipBlock) => ({ ipBlock }));
    return new TestCluster({ policies: [policy('a/p', { ingress: [{ from }] })], pods: [local()] }).state();
  };
  const outer = { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] };
  const inner = { cidr: '10.1.2.0/24' };
  const both = blocks(outer, inner);
  expect([...both.blocks.keys()]).toEqual(['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24']);
  expect(both.blocks.get('10.0.0.0/8')).toBe(blocks(outer).blocks.get('10.0.0.0/8'));
  expect(both.blocks.get('10.1.2.0/24')).toBe(blocks(inner).blocks.get('10.1.2.0/24'));
  const named = [...both.rules.values()].map(({ peer }) => peer);
  expect(named).not.toContain(both.blocks.get('10.1.0.0/16'));
  expect([...blocks({ cidr: '::/0' }).blocks.keys()]).toEqual(['0.0.0.0/0', '::/0']);
  expect([...blocks({ cidr: 'fd00::/8' }).blocks.keys()]).toEqual(['fd00::/8']);
});

test('a block that comes later, inside another, does not take from that one', () => {
  const block = (key: string, cidr: string, port: number) =>
    policy(key, { ingress: [{ from: [{ ipBlock: { cidr } }], ports: [{ port }] }] });
  const cluster = new TestCluster({ policies: [block('a/outer', '10.0.0.0/8', 80)], pods: [local()] });
  const passes = (port: number) => {
    const packet = { direction: 'ingress', protocol: 6, port } as const;
    return judge(cluster.state(), { ...packet, pod: parseIp(ip), peer: parseIp('10.1.2.3') });
  };
  expect([passes(80), passes(81)]).toEqual([true, false]);
  cluster.policies.set(block('a/inner', '10.1.0.0/16', 81));
  expect([passes(80), passes(81)]).toEqual([true, true]);
  cluster.policies.delete('a/inner');
  expect([passes(80), passes(81)]).toEqual([true, false]);
  expect(cluster.state().rules.size).toBe(1);
});

test('an address falls to the older pod that has it too, once the newer is gone', () => {
  const at = (key: string, app: string, created: number) =>
    pod(key, { labels: { app }, ips: ['10.0.1.1'], created });
  const cluster = new TestCluster({
    policies: [fromApp],
    pods: [local(), at('a/old', 'y', 1), at('a/young', 'z', 2)],
  });
  expect(cluster.state().peers.size).toBe(0);
  cluster.pods.delete('a/young');
  expect([...cluster.state().peers.keys()]).toEqual(['10.0.1.1']);
});

test.each([1, 2, 3])('a pod that goes at step %i of its rules’ end is nobody’s peer', async (step) => {
  const peer = (n: number) => pod(`a/peer-${n}`, { labels: { app: 'y' }, ips: [`10.0.1.${n}`] });
  const cluster = new TestCluster({ policies: [fromApp], pods: [local(), peer(1), peer(2)] });
  expect(cluster.state().peers.size).toBe(2);
  cluster.policies.delete('a/from-app');
  let steps = 0;
  await cluster.calculator.settle(() => {
    if (++steps === step) cluster.pods.delete('a/peer-1');
    return undefined;
  });
  expect(cluster.state().peers.size).toBe(0);
});

test('tells of what may matter: not of a pod’s status, nor of an annotation', () => {
  const cluster = new TestCluster({ policies: [denyAll], pods: [local()], namespaces: [namespace('a')] });
  cluster.state();
  const tells = (act: () => void) => {
    const { told } = cluster;
    act();
    return cluster.told > told;
  };
  const peer = { ips: ['10.0.1.1'], labels: { app: 'y' } };
  expect(tells(() => cluster.pods.set(pod('a/peer', peer)))).toBe(true);
  expect(tells(() => cluster.pods.set(pod('a/peer', { ...peer, labels: { app: 'y' } })))).toBe(false);
  expect(tells(() => cluster.pods.set(pod('a/peer', { ...peer, phase: 'Failed' })))).toBe(true);
  expect(tells(() => cluster.namespaces.set(namespace('a')))).toBe(false);
  expect(tells(() => cluster.namespaces.set(namespace('a', { team: 'x' })))).toBe(true);
  expect(tells(() => cluster.policies.set(fromApp))).toBe(true);
  cluster.calculator.close();
  expect(tells(() => cluster.policies.delete('a/from-app'))).toBe(false);
  expect(tells(() => cluster.pods.delete('a/peer'))).toBe(false);
});

test('a selector that nobody can read selects nothing, and stops no other policy', () => {
  const unreadable = { matchExpressions: [{ key: 'app', operator: 'Like' as 'In', values: ['x'] }] };
  const cluster = new TestCluster({
    policies: [
      policy('a/unreadable', { podSelector: unreadable, ingress: [{}] }),
      policy('a/unreadable-peer', { ingress: [{ from: [{ podSelector: unreadable }] }] }),
      policy('a/unreadable-block', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] }),
    ],
    pods: [local()],
  });
  expect(cluster.state().pods.get(ip)).toMatchObject({ ingress: true, egress: false });
  expect(cluster.state().rules.size).toBe(0);
});

test('tells which peers and rules differ from the version before', () => {
  const cluster = new TestCluster({ policies: [fromApp], pods: [local()] });
  const first = cluster.state();
  expect(first.changes).toBeUndefined();
  expect(cluster.state().version).toBe(first.version);
  cluster.pods.set(pod('a/peer', { labels: { app: 'y' }, ips: ['10.0.1.1'] }));
  const { version, changes, rules } = cluster.state();
  expect(version).not.toBe(first.version);
  expect(changes).toEqual({
    since: first.version,
    peers: new Set(['10.0.1.1']),
    rules: new Set(rules.keys()),
  });
  expect(cluster.state()).toMatchObject({ version, changes });
  cluster.pods.set(pod('a/peer', { labels: { app: 'y' }, ips: ['10.0.1.2'] }));
  const moved = cluster.state().changes;
  expect(moved).toEqual({ since: version, peers: new Set(['10.0.1.1', '10.0.1.2']), rules: new Set() });
});
