/** NetworkPolicies and Services: a policy sees the backend's address and port, and the client as the Service shows it. */
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
  byFamily,
  echo,
  echoPort,
  families,
  type Ips,
  namespaceNamed,
  type PodAt,
  ports,
  server,
  summary,
  tryFrom,
} from './support/reach.ts';
import { scratchFiles } from './support/scratch-files.ts';
import { StandingConnection } from './support/standing-connection.ts';
import { must } from './support/tendril.ts';
import { bringUp, type TestCluster } from './support/test-cluster.ts';
import { until } from './support/until.ts';

const pods = {
  web: { namespace: 'shop', name: 'web', node: 'node-1', labels: { app: 'web' }, hostPort: 30764 },
  near: { namespace: 'shop', name: 'near', node: 'node-1', labels: { app: 'near' } },
  far: { namespace: 'shop', name: 'far', node: 'node-2', labels: { app: 'far' } },
} as const;
type Name = keyof typeof pods;

/** From a port of `web` to that of the pod that echoes. */
const echoOffset = 10;

const service = (name: string, spec: string, annotations = {}) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop, annotations: ${JSON.stringify(annotations)}}
spec: {ipFamilyPolicy: RequireDualStack, selector: {app: web}, ${spec}}
---`;
const manifest = [
  namespaceNamed('shop'),
  ...Object.values(pods).map(server),
  service('web', `ports: [{port: 80, targetPort: tcp}]`),
  service('web-pods', `clusterIP: None, ports: [{port: ${ports.tcp}}]`),
  service(
    'local',
    `type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, targetPort: tcp, nodePort: 30761}]`,
  ),
  service('anywhere', `type: NodePort, ports: [{port: 80, targetPort: tcp, nodePort: 30762}]`),
  service('direct', `type: NodePort, ports: [{port: 80, targetPort: tcp, nodePort: 30763}]`, {
    'tendril.dev/service-forwarding': 'dsr',
  }),
  echo('shop', 'echo', { app: 'echo' }),
  ...['local', 'anywhere'].map((way, i) =>
    service(
      `echo-${way}`,
      `type: NodePort, externalTrafficPolicy: ${way === 'local' ? 'Local' : 'Cluster'}, ports: [{port: 80, targetPort: ${echoPort}, nodePort: ${30_761 + i + echoOffset}}]`,
    ).replace('app: web', 'app: echo'),
  ),
].join('');

let cluster: TestCluster;
let clusterIps: Ips;
const nodeIps: Record<string, Ips> = {};

beforeAll(async () => {
  cluster = await bringUp({ manifest, args: ['--nodes', '2'] });
  clusterIps = byFamily((await get('service', 'web', '-n', 'shop')).spec.clusterIPs);
  const { items } = await get('nodes');
  for (const { metadata, status } of items) {
    const i = cluster.nodes.indexOf(metadata.name);
    nodeIps[`node-${i + 1}`] = byFamily(status.addresses.map(({ address }: { address: string }) => address));
  }
});
afterAll(() => cluster?.down());

beforeEach(async () => {
  await deletePolicies(cluster, 'shop');
}, 60_000);

const get = async (...what: string[]) =>
  JSON.parse(await must(cluster.tendril(['get', ...what, '-o', 'json'])));

async function byEach(attempt: (pod: PodAt) => Promise<string>): Promise<Record<string, string>> {
  const tried = (Object.keys(pods) as Name[]).map(async (name) => [name, await attempt(pods[name])]);
  return Object.fromEntries(await Promise.all(tried));
}

const target = (key: string, ip: string, port: number) => ({ key, protocol: 'tcp' as const, ip, port });
const byClusterIp = () =>
  byEach(async (pod) =>
    summary(
      await tryFrom(
        cluster,
        pod,
        families.map((family) => target(`${family}`, clusterIps[family], 80)),
      ),
    ),
  );
const byHeadlessName = () =>
  byEach(async (pod) =>
    summary(await tryFrom(cluster, pod, [target('name', 'web-pods.shop.svc.cluster.local', ports.tcp)])),
  );

const outsidePorts = {
  ...{ 'local node-1': 30_761, 'anywhere node-1': 30_762, 'anywhere node-2': 30_762 },
  ...{ 'direct node-2': 30_763, 'hostPort node-1': 30_764 },
};
const allPorts = (word: string) => Object.fromEntries(Object.keys(outsidePorts).map((key) => [key, word]));

/** From the host outside. */
async function fromOutside(): Promise<Record<string, string>> {
  const words: Record<number, string> = { 0: 'open', 28: 'closed' };
  const tried = Object.entries(outsidePorts).map(async ([key, port]) => {
    const each = families.map(async (family) => {
      const url = `http://${at(nodeIps[key.split(' ')[1]!]![family], port)}/`;
      const { code } = await cluster.tendril(['exec', '--outside', '--', 'curl', '-gs', '-m', '2', url]);
      return [`${family}`, words[code] ?? `curl: ${code}`];
    });
    return [key, summary(Object.fromEntries(await Promise.all(each)))];
  });
  return Object.fromEntries(await Promise.all(tried));
}

const toWeb = (...ingress: object[]) =>
  policy('shop', 'web', { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress });
const fromNear = (...egress: object[]) =>
  policy('shop', 'near', { podSelector: { matchLabels: { app: 'near' } }, policyTypes: ['Egress'], egress });
const blocks = (ips: Ips) => [{ ipBlock: { cidr: `${ips[4]}/32` } }, { ipBlock: { cidr: `${ips[6]}/128` } }];

test('a ClusterIP’s port is not looked at: the pod’s is', async () => {
  const from = [{ podSelector: { matchLabels: { app: 'near' } } }];
  await applyPolicies(cluster, toWeb({ from, ports: [{ port: 80 }] }));
  await expectInForce(byClusterIp, { web: 'open', near: 'closed', far: 'closed' });
  await applyPolicies(cluster, toWeb({ from, ports: [{ port: ports.tcp }] }));
  await expectInForce(byClusterIp, { web: 'open', near: 'open', far: 'closed' });
});

test('nor is its address: a rule for egress names the pod', async () => {
  await applyPolicies(cluster, fromNear({ to: blocks(clusterIps) }));
  await expectInForce(byClusterIp, { web: 'open', near: 'closed', far: 'open' });
  await applyPolicies(cluster, fromNear({ to: [{ podSelector: { matchLabels: { app: 'web' } } }] }));
  await expectInForce(byClusterIp, { web: 'open', near: 'open', far: 'open' });
});

test('by the names of a headless Service', async () => {
  await expectInForce(byHeadlessName, { web: 'open', near: 'open', far: 'open' });
  await applyPolicies(cluster, toWeb({ from: [{ podSelector: { matchLabels: { app: 'far' } } }] }));
  await expectInForce(byHeadlessName, { web: 'open', near: 'closed', far: 'open' });
});

test('a pod reaches itself through its Service, whatever isolates it', async () => {
  await applyPolicies(cluster, denyIngress('shop'), denyEgress('shop'));
  await expectInForce(byClusterIp, { web: 'open', near: 'closed', far: 'closed' });
});

test('the outside by a port of a node is whom the pod sees', async () => {
  await applyPolicies(cluster, denyIngress('shop'));
  await expectInForce(fromOutside, allPorts('closed'));
  await applyPolicies(cluster, toWeb({ from: blocks(cluster.outsideIps) }));
  await expectInForce(fromOutside, { ...allPorts('open'), 'anywhere node-2': 'closed' });
  await applyPolicies(cluster, toWeb({ from: blocks(nodeIps['node-2']!) }));
  await expectInForce(fromOutside, { ...allPorts('closed'), 'anywhere node-2': 'open' });
});

test('nodes by a ClusterIP: the pod’s own, and another as policies say', async () => {
  const words: Record<number, string> = { 0: 'open', 28: 'closed' };
  const fromNodes = async () => {
    const tried = ['node-1', 'node-2'].map(async (node) => {
      const each = families.map(async (family) => {
        const url = `http://${at(clusterIps[family], 80)}/`;
        const { code } = await cluster.tendril(['exec', '--node', node, '--', 'curl', '-gs', '-m', '2', url]);
        return [`${family}`, words[code] ?? `curl: ${code}`];
      });
      return [node, summary(Object.fromEntries(await Promise.all(each)))];
    });
    return Object.fromEntries(await Promise.all(tried));
  };
  await applyPolicies(cluster, denyIngress('shop'));
  await expectInForce(fromNodes, { 'node-1': 'open', 'node-2': 'closed' });
  await applyPolicies(cluster, toWeb({ from: blocks(nodeIps['node-2']!) }));
  await expectInForce(fromNodes, { 'node-1': 'open', 'node-2': 'open' });
});

test('a connection from outside is cut and flows again as policies change', {
  timeout: 120_000,
}, async () => {
  using files = scratchFiles({});
  const connections = ['local node-1', 'anywhere node-2'].flatMap((way) =>
    families.map((family) => {
      const port = outsidePorts[way as keyof typeof outsidePorts] + echoOffset;
      const address = `TCP${family}:${at(nodeIps[way.split(' ')[1]!]![family], port)}`;
      return new StandingConnection(cluster, { where: ['--outside'], directory: files.path('') }, address);
    }),
  );
  await Promise.all(connections.map((one) => one.flows()));
  await applyPolicies(cluster, denyIngress('shop'));
  expect(await Promise.all(connections.map((one) => one.isCut()))).toEqual(connections.map(() => true));
  await deletePolicies(cluster, 'shop');
  await Promise.all(connections.map((one) => one.flows()));
  await Promise.all(connections.map((one) => one.end()));
});

test('`tendril policy test` judges a Service by its endpoints', async () => {
  await applyPolicies(cluster, toWeb({ from: [{ podSelector: { matchLabels: { app: 'near' } } }] }));
  const ask = async (from: string, ...more: string[]) => {
    const words = [
      'policy',
      'test',
      '-n',
      'shop',
      '--from',
      from,
      '--to',
      'service/web',
      ...more,
      '-o',
      'json',
    ];
    const { code, stdout } = await cluster.tendril(words);
    return { code, ...JSON.parse(stdout) };
  };
  expect(await ask('near')).toMatchObject({
    ...{ code: 0, allowed: true },
    attempts: [{ to: 'shop/web', port: ports.tcp, ingress: { allowedBy: 'shop/web ingress[0]' } }],
  });
  expect(await ask('far', '--port', '80')).toMatchObject({
    ...{ code: 1, allowed: false },
    attempts: [{ to: 'shop/web', ingress: { isolatedBy: ['shop/web'] } }],
  });
});

test('kubelet’s probes reach a pod that nobody may reach', async () => {
  await applyPolicies(cluster, denyIngress('shop'), denyEgress('shop'));
  await must(
    cluster.tendril(['apply', '-f', '-'], {
      stdin: server({ namespace: 'shop', name: 'new', node: 'node-2' }),
    }),
  );
  await until('it is Ready', async () => {
    const { status } = await get('pod', 'new', '-n', 'shop');
    const conditions: { type: string; status: string }[] = status.conditions ?? [];
    return conditions.some((one) => one.type === 'Ready' && one.status === 'True');
  });
});
