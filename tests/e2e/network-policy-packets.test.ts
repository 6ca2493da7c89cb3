/** NetworkPolicies and packets that are not a plain connection between two pods: fragments, ICMP, and pods that are their node. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  applyPolicies,
  deletePolicies,
  denyEgress,
  denyIngress,
  expectInForce,
  policy,
} from './support/policies.ts';
import {
  at,
  echo,
  echoPort,
  families,
  type Ips,
  namespaceNamed,
  podIps,
  ports,
  server,
  shop,
  summary,
  tryFrom,
} from './support/reach.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';

const pods = shop;
const clients = ['near', 'far'] as const;

const nodePorts = { http: 18_080, udp: 18_081 };
const ofNode = (node: string) => `
apiVersion: v1
kind: Pod
metadata: {name: of-${node}, namespace: shop, labels: {app: of-node}}
spec:
  nodeName: ${node}
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - name: agnhost
    image: registry.k8s.io/e2e-test-images/agnhost:2.53
    args: [netexec, --http-port=${nodePorts.http}, --udp-port=${nodePorts.udp}]
---`;
const nodes = ['node-1', 'node-2'];

const manifest = [
  namespaceNamed('shop'),
  ...Object.values(pods).map(server),
  echo('shop', 'echo', { app: 'web' }),
  ...nodes.map(ofNode),
].join('');

let cluster: TestCluster;
const ips: Record<string, Ips> = {};

beforeAll(async () => {
  cluster = await bringUp({ manifest, args: ['--nodes', '2'] });
  for (const name of ['web', 'echo', ...nodes.map((node) => `of-${node}`)])
    ips[name] = await podIps(cluster, { namespace: 'shop', name });
});
afterAll(() => cluster?.down());

beforeEach(async () => {
  await deletePolicies(cluster, 'shop');
}, 60_000);

const all = (word: string) => Object.fromEntries(['near', 'far', ...nodes].map((name) => [name, word]));
const target = (family: 4 | 6, name: string, port: number) => ({
  ...{ key: `${family}`, protocol: 'tcp' as const, ip: ips[name]![family], port },
});

/** To `web`, of pods and, by those that are their node, of nodes. */
async function fromPods(): Promise<Record<string, string>> {
  const names = [...clients, ...nodes.map((node) => `of-${node}`)];
  const tried = names.map(async (name) => {
    const targets = families.map((family) => target(family, 'web', ports.tcp));
    return [name.replace('of-', ''), summary(await tryFrom(cluster, { namespace: 'shop', name }, targets))];
  });
  return Object.fromEntries(await Promise.all(tried));
}

/** Of `web`, to pods that are their node. */
async function toNodes(): Promise<Record<string, string>> {
  const tried = nodes.map(async (node) => {
    const targets = families.map((family) => target(family, `of-${node}`, nodePorts.http));
    return [node, summary(await tryFrom(cluster, pods.web, targets))];
  });
  return Object.fromEntries(await Promise.all(tried));
}

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
const blocks = (of: Ips) => [{ ipBlock: { cidr: `${of[4]}/32` } }, { ipBlock: { cidr: `${of[6]}/128` } }];

/** By each client and family. */
async function byClient(command: (family: 4 | 6) => string): Promise<Record<string, string>> {
  const tried = clients.flatMap((name) =>
    families.map(async (family) => {
      const text = await cluster.exec([name, '-n', 'shop'], 'sh', '-c', command(family));
      return [`${name}${family}`, text.trim()];
    }),
  );
  return Object.fromEntries(await Promise.all(tried));
}
const everyClient = (word: string) => ({ near4: word, near6: word, far4: word, far6: word });

test('a datagram in fragments is judged as one, there and back', async () => {
  const size = 5_000;
  const sent = `head -c ${size} /dev/zero | tr '\\0' x`;
  const big = () =>
    byClient((family) => {
      const come = `${sent} | socat -b 16384 -t 2 - UDP${family}:${at(ips.echo![family], echoPort)} | wc -c`;
      return `case $(${come}) in ${size}) echo open;; 0) echo closed;; *) echo part;; esac`;
    });
  await expectInForce(big, everyClient('open'));
  const from = [{ podSelector: {} }];
  await applyPolicies(cluster, ingress({ from, ports: [{ port: echoPort, protocol: 'UDP' }] }));
  await expectInForce(big, everyClient('open'));
  await applyPolicies(cluster, ingress({ from, ports: [{ port: echoPort + 1, protocol: 'UDP' }] }));
  await expectInForce(big, everyClient('closed'));
});

test('ICMP has no ports: a rule that names some does not allow it', async () => {
  const ping = () =>
    byClient((family) => `ping -c 1 -W 2 ${ips.web![family]} > /tmp/ping && echo open || echo closed`);
  await expectInForce(ping, everyClient('open'));
  const from = [{ podSelector: {} }];
  await applyPolicies(cluster, ingress({ from, ports: [{ port: 1, endPort: 65_535 }, { protocol: 'UDP' }] }));
  await expectInForce(ping, everyClient('closed'));
  await applyPolicies(cluster, ingress({ from }));
  await expectInForce(ping, everyClient('open'));
});

test('a pod that is its node is no pod to a rule, but an address', async () => {
  await applyPolicies(cluster, ingress({ from: [{ podSelector: { matchLabels: { app: 'of-node' } } }] }));
  await expectInForce(fromPods, { ...all('closed'), 'node-1': 'open' });
  await applyPolicies(cluster, ingress({ from: blocks(ips['of-node-2']!) }));
  await expectInForce(fromPods, { ...all('closed'), 'node-1': 'open', 'node-2': 'open' });
});

test('nor is it to a rule for egress', async () => {
  await applyPolicies(cluster, egress({ to: [{ podSelector: {} }] }));
  await expectInForce(toNodes, { 'node-1': 'open', 'node-2': 'closed' });
  await applyPolicies(cluster, egress({ to: blocks(ips['of-node-2']!) }));
  await expectInForce(toNodes, { 'node-1': 'open', 'node-2': 'open' });
});

test('nor is it isolated', async () => {
  await applyPolicies(cluster, denyIngress('shop'), denyEgress('shop'));
  await expectInForce(toNodes, { 'node-1': 'open', 'node-2': 'closed' });
  const [first, second] = nodes.map((node) => ({ namespace: 'shop', name: `of-${node}` }));
  const targets = families.map((family) => target(family, 'of-node-2', nodePorts.http));
  expect(summary(await tryFrom(cluster, first!, targets))).toBe('open');
  expect(summary(await tryFrom(cluster, second!, targets))).toBe('open');
  const { pods: selected } = JSON.parse(
    await must(cluster.tendril(['policy', 'list', '-n', 'shop', '-o', 'json'])),
  ).policies[0];
  expect(selected).toEqual(['echo', 'far', 'near', 'web']);
});
