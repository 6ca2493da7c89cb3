/** NetworkPolicies while things change: policies, labels, pods, agents; and a pod's very first packet. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { applyPolicies, deletePolicies, denyEgress, denyIngress, expectInForce, expectSoon, policy } from './support/policies.ts'; // biome-ignore format: one line
import {
  at,
  echo,
  echoPort,
  everyWay,
  families,
  type Ips,
  namespaceNamed,
  type PodAt,
  podIps,
  ports,
  server,
  shop,
  summary,
  tryFrom,
} from './support/reach.ts';
import { StandingConnection } from './support/standing-connection.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const pods = {
  ...shop,
  stranger: { namespace: 'other', name: 'stranger', node: 'node-2', labels: { app: 'far' } },
} as const;
type Name = keyof typeof pods;
const clients = ['near', 'far', 'stranger'] as const;

const manifest =
  namespaceNamed('shop') +
  namespaceNamed('other') +
  Object.values(pods).map(server).join('') +
  echo('shop', 'echo', { app: 'web' });

let cluster: TestCluster;
let webIps: Ips;
let echoIps: Ips;

beforeAll(async () => {
  cluster = await bringUp({ manifest, args: ['--nodes', '2'] });
  webIps = await podIps(cluster, pods.web);
  echoIps = await podIps(cluster, { namespace: 'shop', name: 'echo' });
});
afterAll(() => cluster?.down());

beforeEach(async () => {
  await deletePolicies(cluster, 'shop', 'other');
  await expectSoon(toWeb, all('open'));
}, 60_000);

const all = (word: string) => Object.fromEntries(clients.map((name) => [name, word]));
const tryEach = async (names: readonly Name[], ips: Ips) =>
  Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, summary(await tryFrom(cluster, pods[name], everyWay(ips)))]),
    ),
  );
const toWeb = () => tryEach(clients, webIps);

const apply = (stdin: string) => must(cluster.tendril(['apply', '-f', '-'], { stdin }));
const allow = (...from: object[]) =>
  policy('shop', 'allowed', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ from }] });
const byLabels = (matchLabels: Record<string, string>) => ({ podSelector: { matchLabels } });

/** Of a pod, to the one that echoes, by each family. */
const standing = (pod: PodAt, protocol: 'TCP' | 'UDP') =>
  families.map(
    (family) =>
      new StandingConnection(
        cluster,
        { where: [pod.name, '-n', pod.namespace], directory: '/tmp' },
        `${protocol}${family}:${at(echoIps[family], echoPort)}`,
      ),
  );
const flow = (connections: StandingConnection[]) => Promise.all(connections.map((one) => one.flows()));
const areCut = (connections: StandingConnection[]) => Promise.all(connections.map((one) => one.isCut()));
const end = (connections: StandingConnection[]) => Promise.all(connections.map((one) => one.end()));
const cut = (connections: StandingConnection[]) => connections.map(() => true);

describe('a connection that goes on', { timeout: 120_000 }, () => {
  test.each(['TCP', 'UDP'] as const)(
    'by %s is cut when a policy no longer allows it, and flows again when one does',
    async (protocol) => {
      const connections = [pods.near, pods.far].flatMap((pod) => standing(pod, protocol));
      await flow(connections);
      await applyPolicies(cluster, denyIngress('shop'));
      expect(await areCut(connections)).toEqual(cut(connections));
      await applyPolicies(cluster, allow(byLabels({ app: 'near' }), byLabels({ app: 'far' })));
      await flow(connections);
      await applyPolicies(cluster, denyEgress('shop'));
      expect(await areCut(connections)).toEqual(cut(connections));
      await deletePolicies(cluster, 'shop');
      await flow(connections);
      await end(connections);
    },
  );

  test('of a pod that another change leaves allowed flows on, and needs no rule for its answers', async () => {
    await applyPolicies(cluster, denyIngress('shop'), allow(byLabels({ app: 'near' })));
    const connections = [...standing(pods.near, 'TCP'), ...standing(pods.near, 'UDP')];
    await flow(connections);
    const toNobody = { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Egress'] };
    await applyPolicies(cluster, policy('shop', 'web-asks-nobody', toNobody));
    await flow(connections);
    await end(connections);
  });
});

describe('whom a rule names', { timeout: 120_000 }, () => {
  const label = (what: string[], ...labels: string[]) => must(cluster.kubectl('label', ...what, ...labels));

  test('follows the labels of a pod', async () => {
    const far = ['pod', 'far', '-n', 'shop'];
    await applyPolicies(cluster, denyIngress('shop'), allow(byLabels({ role: 'friend' })));
    await expectInForce(toWeb, all('closed'));
    await label(far, 'role=friend');
    await expectSoon(toWeb, { ...all('closed'), far: 'open' });
    const connections = standing(pods.far, 'TCP');
    await flow(connections);
    await label(far, 'role-');
    await expectSoon(toWeb, all('closed'));
    expect(await areCut(connections)).toEqual(cut(connections));
    await end(connections);
  });

  test('follows the labels of a namespace', async () => {
    await applyPolicies(cluster, allow({ namespaceSelector: { matchLabels: { role: 'friends' } } }));
    await expectInForce(toWeb, all('closed'));
    await label(['namespace', 'other'], 'role=friends');
    await expectSoon(toWeb, { ...all('closed'), stranger: 'open' });
    await label(['namespace', 'other'], 'role-');
    await expectSoon(toWeb, all('closed'));
  });

  test('follows a pod to another address', async () => {
    await applyPolicies(cluster, denyIngress('shop'), allow(byLabels({ app: 'far' })));
    await expectInForce(toWeb, { ...all('closed'), far: 'open' });
    const former = await podIps(cluster, pods.far);
    await must(cluster.kubectl('delete', 'pod', 'far', '-n', 'shop'));
    await apply(server(pods.far));
    await must(cluster.kubectl('wait', '--for=condition=Ready', 'pod/far', '-n', 'shop', '--timeout=60s'));
    expect((await podIps(cluster, pods.far))[4]).not.toBe(former[4]);
    await expectSoon(toWeb, { ...all('closed'), far: 'open' });
  });

  test('isolates a pod by its labels of now', async () => {
    const web = ['pod', 'web', '-n', 'shop'];
    const isolated = { podSelector: { matchLabels: { isolated: 'yes' } }, policyTypes: ['Ingress'] };
    await applyPolicies(cluster, policy('shop', 'isolated', isolated));
    await expectInForce(toWeb, all('open'));
    await label(web, 'isolated=yes');
    await expectSoon(toWeb, all('closed'));
    await label(web, 'isolated-');
    await expectSoon(toWeb, all('open'));
  });
});

/** Begins with a datagram to each address, goes on with more, and says how many it has sent. */
const mouth = (namespace: string, name: string, node: string, ear: Ips) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers:
  - name: mouth
    image: nicolaka/netshoot
    command: [sh, -c, "i=0; while true; do ${families
      .map((family) => `echo ${name} | socat -u - UDP:${at(ear[family], earPort)}`)
      .join('; ')}; i=$((i+1)); echo $i; done"]
---`;
const earPort = 9999;
const ear = `
apiVersion: v1
kind: Pod
metadata: {name: ear, namespace: other}
spec:
  nodeName: node-2
  terminationGracePeriodSeconds: 0
  containers:
  - {name: ear, image: nicolaka/netshoot, command: [socat, -u, 'UDP6-RECV:${earPort},ipv6-v6only=0', 'OPEN:/tmp/heard,creat,append']}
---`;

test('not one packet of a new pod passes before its policy is in force', { timeout: 180_000 }, async () => {
  await applyPolicies(cluster, denyEgress('shop'));
  await apply(ear);
  await must(cluster.kubectl('wait', '--for=condition=Ready', 'pod/ear', '-n', 'other', '--timeout=60s'));
  const earIps = await podIps(cluster, { namespace: 'other', name: 'ear' });
  const silent = ['node-1', 'node-2'].flatMap((node, i) =>
    [1, 2, 3].map((n) => ({ name: `silent-${i}-${n}`, namespace: 'shop', node })),
  );
  const loud = { name: 'loud', namespace: 'other', node: 'node-1' };
  const mouths = [...silent, loud];
  await apply(mouths.map(({ namespace, name, node }) => mouth(namespace, name, node, earIps)).join(''));
  for (const { name, namespace } of mouths)
    await until(`${name} speaks`, async () => {
      const { stdout } = await cluster.tendril(['logs', name, '-n', namespace, '--tail', '1']);
      return Number(stdout) >= 10;
    });
  const heard = () => cluster.exec(['ear', '-n', 'other'], 'sort', '-u', '/tmp/heard');
  expect((await heard()).trim().split('\n')).toEqual(['loud']);
  await deletePolicies(cluster, 'shop');
  await until('all are heard', async () => (await heard()).trim().split('\n').length === mouths.length);
  await must(cluster.kubectl('delete', 'pod', '-n', 'shop', ...silent.map(({ name }) => name)));
  await must(cluster.kubectl('delete', 'pod', '-n', 'other', 'loud', 'ear'));
});

test('policies are in force without an agent, and what they allow goes on', {
  timeout: 180_000,
}, async () => {
  await applyPolicies(cluster, denyIngress('shop'), allow(byLabels({ app: 'near' })));
  await expectInForce(toWeb, { ...all('closed'), near: 'open' });
  const connections = [...standing(pods.near, 'TCP'), ...standing(pods.near, 'UDP')];
  await flow(connections);
  const before = cluster.agents();
  expect(before).toHaveLength(cluster.nodes.length);
  let isBack = false;
  const denied: Record<string, string>[] = [];
  const trying = (async () => {
    while (!isBack) denied.push(await tryEach(['far', 'stranger'], webIps));
  })();
  const requests = families.map((family) =>
    cluster.exec(
      ['near', '-n', 'shop'],
      ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}\n', '--rate', '3000/m', '-m', '10'],
      ...['-H', 'Connection: close', `http://${at(webIps[family], ports.tcp)}/?n=[1-200]`],
    ),
  );
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await flow(connections);
  await until('other agents serve', async () => {
    const after = cluster.agents();
    if (after.length < cluster.nodes.length || after.some((pid) => before.includes(pid))) return false;
    return (await cluster.tendril(['status'])).code === 0;
  });
  await flow(connections);
  isBack = true;
  await trying;
  for (const seen of denied) expect(seen).toEqual({ far: 'closed', stranger: 'closed' });
  for (const codes of await Promise.all(requests))
    expect(codes.trim().split('\n')).toEqual(Array(200).fill('200'));
  await end(connections);
  await applyPolicies(cluster, allow(byLabels({ app: 'far' })));
  await expectInForce(toWeb, { ...all('closed'), far: 'open' });
});
