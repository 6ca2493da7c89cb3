/** NetworkPolicies on real packets: who reaches whom, at which ports, under each kind of rule. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  applyPolicies,
  deletePolicies,
  denyEgress,
  denyIngress,
  expectInForce,
  policy,
} from './support/policies.ts';
import {
  everyWay,
  families,
  type Ips,
  namespaceNamed,
  openBy,
  type PodAt,
  podIps,
  ports,
  server,
  shop,
  summary,
  tryFrom,
} from './support/reach.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

const pods = {
  ...shop,
  neighbour: { namespace: 'other', name: 'neighbour', node: 'node-1', labels: { app: 'near' } },
  stranger: { namespace: 'other', name: 'stranger', node: 'node-2', labels: { app: 'far' } },
} as const;
type Name = keyof typeof pods;
const names = Object.keys(pods) as Name[];
const clients = names.filter((name) => name !== 'web');

const manifest =
  namespaceNamed('shop') +
  namespaceNamed('other', { team: 'green' }) +
  Object.values(pods).map(server).join('');

let cluster: TestCluster;
const ips = {} as Record<Name, Ips>;

beforeAll(async () => {
  cluster = await bringUp({ manifest, args: ['--nodes', '2'] });
  for (const name of names) ips[name] = await podIps(cluster, pods[name]);
});
afterAll(() => cluster?.down());

beforeEach(async () => {
  await deletePolicies(cluster, 'shop', 'other');
}, 60_000);

const all = (word: string) => Object.fromEntries(clients.map((name) => [name, word]));

/** Of each client. */
async function toWeb(): Promise<Record<string, string>> {
  const tried = clients.map(async (name) => [
    name,
    summary(await tryFrom(cluster, pods[name], everyWay(ips.web))),
  ]);
  return Object.fromEntries(await Promise.all(tried));
}

/** To each of them, and to the host outside, which refuses: nobody listens there. */
async function fromWeb(): Promise<Record<string, string>> {
  const targets = names.flatMap((name) =>
    everyWay(ips[name]).map((target) => ({ ...target, key: `${name}/${target.key}` })),
  );
  const outside = everyWay(cluster.outsideIps)
    .filter(({ protocol }) => protocol !== 'sctp')
    .map((target) => ({ ...target, key: `outside/${target.key}`, port: closedPort }));
  const tried = await tryFrom(cluster, pods.web, [...targets, ...outside]);
  const of = (name: string) => {
    const own = Object.entries(tried).filter(([key]) => key.startsWith(`${name}/`));
    return summary(Object.fromEntries(own.map(([key, outcome]) => [key.slice(name.length + 1), outcome])));
  };
  return Object.fromEntries([...names, 'outside'].map((name) => [name, of(name)]));
}

const closedPort = 4999;

const web: PodAt = pods.web;
const ingress = (...rules: object[]) =>
  policy('shop', 'web', {
    podSelector: { matchLabels: { app: 'web' } },
    policyTypes: ['Ingress'],
    ingress: rules,
  });
const egress = (...rules: object[]) =>
  policy('shop', 'web', {
    podSelector: { matchLabels: { app: 'web' } },
    policyTypes: ['Egress'],
    egress: rules,
  });

/** From a node, by TCP. */
async function nodesToWeb(): Promise<Record<string, string>> {
  const tried = ['node-1', 'node-2'].flatMap((node) =>
    families.map(async (family) => {
      const host = family === 4 ? ips.web[4] : `[${ips.web[6]}]`;
      const url = `http://${host}:${ports.tcp}/`;
      const { code } = await cluster.tendril(['exec', '--node', node, '--', 'curl', '-gs', '-m', '2', url]);
      return [`${node}/${family}`, code === 0 ? 'open' : code === 28 ? 'closed' : `curl: ${code}`];
    }),
  );
  return Object.fromEntries(await Promise.all(tried));
}

test('without a policy everybody reaches everybody', async () => {
  await expectInForce(fromWeb, {
    ...{ web: 'open', near: 'open', far: 'open' },
    ...{ neighbour: 'open', stranger: 'open', outside: 'refused' },
  });
  await expectInForce(
    nodesToWeb,
    Object.fromEntries(Object.keys(await nodesToWeb()).map((key) => [key, 'open'])),
  );
});

describe('default deny', () => {
  test('of ingress: nobody but the pod itself and its node', async () => {
    await applyPolicies(cluster, denyIngress('shop'));
    await expectInForce(toWeb, all('closed'));
    await expectInForce(fromWeb, {
      ...{ web: 'open', near: 'closed', far: 'closed' },
      ...{ neighbour: 'open', stranger: 'open', outside: 'refused' },
    });
    await expectInForce(nodesToWeb, {
      ...{ 'node-1/4': 'open', 'node-1/6': 'open' },
      ...{ 'node-2/4': 'closed', 'node-2/6': 'closed' },
    });
  });

  test('of egress: the pod reaches itself alone, and answers whoever asks', async () => {
    await applyPolicies(cluster, denyEgress('shop'));
    await expectInForce(fromWeb, {
      ...{ web: 'open', near: 'closed', far: 'closed' },
      ...{ neighbour: 'closed', stranger: 'closed', outside: 'closed' },
    });
    await expectInForce(toWeb, { near: 'closed', far: 'closed', neighbour: 'open', stranger: 'open' });
  });

  test('of both: what one side allows, the other may deny', async () => {
    const allowNear = ingress({ from: [{ podSelector: {} }] });
    await applyPolicies(cluster, denyIngress('shop'), denyEgress('shop'), allowNear);
    await expectInForce(toWeb, all('closed'));
    const toAll = policy('shop', 'to-all', { policyTypes: ['Egress'], egress: [{}] });
    await applyPolicies(cluster, toAll);
    await expectInForce(toWeb, { near: 'open', far: 'open', neighbour: 'closed', stranger: 'closed' });
  });

  test('a dropped packet has its reason', async () => {
    await applyPolicies(cluster, denyIngress('shop'));
    await expectInForce(toWeb, all('closed'));
    const address = (await cluster.exec(['--node', 'node-1'], 'hostname', '-I')).trim().split(' ')[0]!;
    const url = `http://${address}:${cluster.agentPort}/metrics`;
    const metrics = await cluster.exec(['--node', 'node-1'], 'curl', '-s', url);
    expect(metrics).toMatch(/reason="policy ingress"\} [1-9]/);
  });
});

describe('a rule allows', () => {
  test('pods of the policy’s namespace by their labels', async () => {
    await applyPolicies(cluster, ingress({ from: [{ podSelector: { matchLabels: { app: 'far' } } }] }));
    await expectInForce(toWeb, { ...all('closed'), far: 'open' });
  });

  test('all pods of namespaces by their labels', async () => {
    const namespaceSelector = { matchLabels: { team: 'green' } };
    await applyPolicies(cluster, ingress({ from: [{ namespaceSelector }] }));
    await expectInForce(toWeb, { ...all('open'), near: 'closed', far: 'closed' });
  });

  test('pods by their labels and their namespace’s', async () => {
    const namespaceSelector = { matchExpressions: [{ key: 'team', operator: 'Exists' }] };
    const podSelector = { matchLabels: { app: 'far' } };
    await applyPolicies(cluster, ingress({ from: [{ namespaceSelector, podSelector }] }));
    await expectInForce(toWeb, { ...all('closed'), stranger: 'open' });
  });

  test('whom one of its peers names, or another rule, or another policy', async () => {
    const [near, far] = ['near', 'far'].map((app) => ({ podSelector: { matchLabels: { app } } }));
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'other' } };
    const podSelector = { matchLabels: { app: 'near' } };
    await applyPolicies(cluster, ingress({ from: [near, { namespaceSelector, podSelector }] }));
    await expectInForce(toWeb, { ...all('closed'), near: 'open', neighbour: 'open' });
    const also = policy('shop', 'also', { ingress: [{ from: [far] }] });
    await applyPolicies(cluster, also);
    await expectInForce(toWeb, { ...all('open'), stranger: 'closed' });
  });

  test('everybody, where it names no peers', async () => {
    await applyPolicies(cluster, denyIngress('shop'), ingress({}));
    await expectInForce(toWeb, all('open'));
  });

  test('egress by the same peers', async () => {
    const namespaceSelector = { matchLabels: { team: 'green' } };
    const podSelector = { matchLabels: { app: 'near' } };
    await applyPolicies(cluster, egress({ to: [{ namespaceSelector }, { podSelector }] }));
    await expectInForce(fromWeb, {
      ...{ web: 'open', near: 'open', far: 'closed' },
      ...{ neighbour: 'open', stranger: 'open', outside: 'closed' },
    });
  });

  test('addresses but for excepted ones', async () => {
    const blocks = (...except: string[]) => [
      { ipBlock: { cidr: '0.0.0.0/0', except: except.filter((cidr) => !cidr.includes(':')) } },
      { ipBlock: { cidr: '::/0', except: except.filter((cidr) => cidr.includes(':')) } },
    ];
    const open = { web: 'open', near: 'open', far: 'open', neighbour: 'open', stranger: 'open' };
    const { 4: outside4, 6: outside6 } = cluster.outsideIps;
    await applyPolicies(cluster, egress({ to: blocks(`${outside4}/32`, `${outside6}/128`) }));
    await expectInForce(fromWeb, { ...open, outside: 'closed' });
    await applyPolicies(cluster, egress({ to: blocks(`${ips.far[4]}/32`, `${ips.far[6]}/128`) }));
    await expectInForce(fromWeb, { ...open, far: 'closed', outside: 'refused' });
  });

  test('the outside alone', async () => {
    const { 4: outside4, 6: outside6 } = cluster.outsideIps;
    const to = [{ ipBlock: { cidr: `${outside4}/32` } }, { ipBlock: { cidr: `${outside6}/128` } }];
    await applyPolicies(cluster, egress({ to }));
    await expectInForce(fromWeb, {
      ...{ web: 'open', near: 'closed', far: 'closed' },
      ...{ neighbour: 'closed', stranger: 'closed', outside: 'refused' },
    });
  });
});

describe('a rule’s ports', () => {
  test.each([
    ['by number', [{ port: ports.tcp }], openBy('tcp')],
    ['by number and protocol', [{ port: ports.udp, protocol: 'UDP' }], openBy('udp')],
    ['of another protocol', [{ port: ports.udp, protocol: 'TCP' }], openBy()],
    ['a protocol’s every port', [{ protocol: 'UDP' }], openBy('udp')],
    ['of SCTP', [{ port: ports.sctp, protocol: 'SCTP' }], openBy('sctp')],
    ['by name', [{ port: 'tcp' }, { port: 'udp', protocol: 'UDP' }], openBy('tcp', 'udp')],
    ['by a name that is another protocol’s', [{ port: 'udp' }], openBy()],
    ['from and to', [{ port: 8000, endPort: ports.tcp }], openBy('tcp')],
    ['that end before', [{ port: 8000, endPort: ports.tcp - 1 }], openBy()],
    ['that begin after', [{ port: ports.tcp + 1, endPort: 65_535 }], openBy()],
    ['from and to, of UDP', [{ port: 1, endPort: 65_535, protocol: 'UDP' }], openBy('udp')],
  ])('%s', async (_what, list, expected) => {
    await applyPolicies(cluster, ingress({ ports: list }));
    await expectInForce(toWeb, all(expected));
  });

  test('are the other side’s for egress, also by name', async () => {
    await applyPolicies(
      cluster,
      egress({ to: [{ podSelector: {} }], ports: [{ port: 'udp', protocol: 'UDP' }] }),
    );
    await expectInForce(fromWeb, {
      ...{ web: 'open', near: openBy('udp'), far: openBy('udp') },
      ...{ neighbour: 'closed', stranger: 'closed', outside: 'closed' },
    });
  });
});

test('`tendril policy test` says what the packets do', async () => {
  const from = [{ podSelector: { matchLabels: { app: 'far' } } }];
  await applyPolicies(cluster, ingress({ from, ports: [{ port: 'tcp' }] }));
  await expectInForce(toWeb, { ...all('closed'), far: openBy('tcp') });
  const ask = (client: string, port: string) =>
    cluster.tendril(['policy', 'test', '-n', 'shop', '--from', client, '--to', 'web', '--port', port]);
  const denied = await ask('near', '8080');
  expect([denied.code, denied.stdout]).toEqual([1, expect.stringContaining('no rule')]);
  expect(await must(ask('far', '8080'))).toContain('shop/web');
  expect((await ask('far', '8081/udp')).code).toBe(1);
  const outside = await cluster.tendril([
    ...['policy', 'test', '-n', 'shop'],
    ...['--from', web.name, '--to', cluster.outsideIps[6], '--port', '443'],
  ]);
  expect(outside.code).toBe(0);
});
