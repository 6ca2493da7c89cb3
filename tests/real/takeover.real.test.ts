/**
 * The network that most clusters have, replaced while traffic flows: no pod is started anew, no connection ends, none fails.
 * Then the old pods go one after the other, and the old network with them.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeOutcome } from '../../src/node-tasks/outcome.ts';
import {
  type Application,
  application,
  bracketed,
  deployApplication,
  fromNode,
  fromPod,
  removeApplication,
} from './application.ts';
import { existingOrNewCluster, manifest } from './cluster/cluster.ts';
import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { agnhostImage } from './cluster/images.ts';
import { type NodeLayout, nodes } from './cluster/layout.ts';
import { onNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';
import { inPod, outside, SteadyClient, type SteadyReport } from './takeover/steady-clients.ts';

const root = join(import.meta.dirname, '../..');
const all = nodes();
const [controlPlane, ...workers] = all as [NodeLayout, ...NodeLayout[]];

let remove = async () => {};
let web: Application;
let clients: SteadyClient[] = [];

interface Wired {
  name: string;
  node: string;
  uid: string;
  ips: string[];
}

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster({ network: 'usual' });
  stack.defer(() => cluster.remove());
  web = await deployApplication();
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_800_000);

afterAll(async () => {
  await Promise.allSettled(clients.map((client) => client.end()));
  removeApplication();
  await remove();
}, 300_000);

/** Pods with a network of their own. */
function wiredPods(): Wired[] {
  const { items } = JSON.parse(kubectl('get', 'pods', '-A', '-o', 'json')) as {
    items: {
      metadata: { name: string; uid: string };
      spec: { nodeName: string; hostNetwork?: boolean };
      status: { podIPs?: { ip: string }[] };
    }[];
  };
  return items
    .filter(({ spec }) => !spec.hostNetwork)
    .map(({ metadata: { name, uid }, spec: { nodeName }, status }) => ({
      ...{ name, uid, node: nodeName },
      ips: (status.podIPs ?? []).map(({ ip }) => ip),
    }));
}

/** Its network namespace, as the runtime keeps it in its results. */
function netnsOf(node: NodeLayout, pod: string): string {
  const text = onNode(node, 'sh', '-c', 'cat /var/lib/cni/results/*');
  const results = text.split(/(?<=\})(?=\{"kind")/).map((each) => JSON.parse(each));
  const found = results.find(({ cniArgs }) =>
    (cniArgs as string[][]).some(([key, value]) => key === 'K8S_POD_NAME' && value === pod),
  );
  return found.netns;
}

function task(node: NodeLayout, name: string, input: object = {}): Record<string, never> {
  const log = onNode(node, join(root, 'bin/tendril'), 'node-task', name, '--input', JSON.stringify(input));
  const outcome = decodeOutcome(log)!;
  if ('error' in outcome) throw new Error(`${node.name}: ${outcome.error.message}`);
  return outcome.report as Record<string, never>;
}

function agentStatus(node: NodeLayout) {
  return JSON.parse(onNode(node, 'curl', '-sS', '-m', '10', 'http://127.0.0.1:9879/status'));
}

const clusterTargets = () => web.clusterIps.map((ip) => `${bracketed(ip)}:80`);
const nodePortTargets = (of: readonly NodeLayout[]) =>
  of.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].map((ip) => `${bracketed(ip)}:${web.nodePort}`));
const podTargets = () => web.servers.flatMap(({ ips }) => ips.map((ip) => `${bracketed(ip)}:8080`));

/** Asks through a pod's own network, so that nothing of the way but that is the test's. */
function startClients(): void {
  const everything = [...clusterTargets(), ...nodePortTargets(all), ...podTargets()];
  clients = [
    ...web.servers.map(({ name, node }) => {
      const layout = workers.find((each) => each.name === node)!;
      return new SteadyClient(inPod(layout, netnsOf(layout, name)), { stay: everything, come: everything });
    }),
    new SteadyClient(outside, { stay: nodePortTargets(all), come: nodePortTargets(all) }),
  ];
}

const sum = (reports: readonly SteadyReport[], of: 'answers' | 'connections') =>
  reports.reduce((total, report) => total + report[of], 0);

test('the network is replaced, and no connection ends or fails', async () => {
  const before = wiredPods();
  expect(web.servers.map(({ node }) => node).sort()).toEqual(['n1', 'n2']);
  startClients();
  await new Promise((resolve) => setTimeout(resolve, 10_000));

  kubectlWith(manifest(), 'apply', '-f', '-');
  kubectl('-n', 'tendril-system', 'rollout', 'status', 'daemonset/tendril-agent', '--timeout=300s');
  for (const node of all) {
    const { conflists, problems } = task(node, 'adopt-pods') as never;
    expect([node.name, conflists, problems]).toEqual([node.name, { aside: ['10-usual.conflist'] }, []]);
  }
  const away = { spec: { template: { spec: { nodeSelector: { 'tendril.dev/away': 'true' } } } } };
  kubectl('-n', 'kube-system', 'patch', 'daemonset', 'kube-proxy', '-p', JSON.stringify(away));
  await waitFor(
    'the end of kube-proxy’s pods',
    120,
    () => kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'k8s-app=kube-proxy', '-o', 'name').trim() === '',
  );
  for (const node of all) {
    const { removed, problems } = task(node, 'remove-kube-proxy-rules') as never as {
      removed: { tables: string[] };
      problems: string[];
    };
    expect([removed.tables, problems]).toEqual([['ip kube-proxy', 'ip6 kube-proxy'], []]);
  }
  await new Promise((resolve) => setTimeout(resolve, 20_000));

  const reports = await Promise.all(clients.splice(0).map((client) => client.end()));
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  expect(sum(reports, 'answers')).toBeGreaterThan(500);
  expect(sum(reports, 'connections')).toBeGreaterThan(500);
  const after = wiredPods();
  for (const pod of before) expect(after).toContainEqual(pod);
}, 900_000);

test('what is left is adopted, and nothing of kube-proxy is', async () => {
  for (const node of all) {
    // Pods of Tendril's own may have started before the agent was ready.
    const { formerNetwork } = agentStatus(node);
    const adopted = (formerNetwork.pods as { ips: string[] }[]).map(({ ips }) => ips.join());
    const servers = web.servers.filter((server) => server.node === node.name);
    expect(adopted).toEqual(expect.arrayContaining(servers.map(({ ips }) => ips.join())));
    expect(onNode(node, 'nft', 'list', 'tables')).not.toContain('kube-proxy');
  }
});

test('old pods and new ones reach each other on their node, both ways and in both families', async () => {
  const [old] = web.servers as [Application['servers'][number]];
  const node = workers.find(({ name }) => name === old.node)!;
  kubectl(
    'run',
    'new',
    `--image=${agnhostImage}`,
    `--overrides=${JSON.stringify({ spec: { nodeName: node.name } })}`,
    '--',
    'netexec',
    '--http-port=8080',
  );
  try {
    kubectl('wait', 'pod/new', '--for=condition=Ready', '--timeout=120s');
    const ips = kubectl('get', 'pod', 'new', '-o', 'jsonpath={.status.podIPs[*].ip}').split(' ');
    const fresh = { name: 'new', node: node.name, ips };
    await waitFor('its server', 60, () => fromNode(node, `http://${bracketed(ips[0]!)}:8080/hostname`));
    for (const ip of ips) expect(fromPod(controlPlane, old, ip, 8080)).toEqual(['new']);
    for (const ip of old.ips) expect(fromPod(controlPlane, fresh, ip, 8080)).toEqual([old.name]);
    for (const ip of ips) expect(fromNode(node, `http://${bracketed(ip)}:8080/hostname`)).toBe('new');
  } finally {
    kubectl('delete', 'pod', 'new', '--ignore-not-found', '--grace-period=1');
  }
}, 300_000);

test('the old network goes with its last pod, on every node', async () => {
  kubectl('-n', 'kube-system', 'delete', 'deployment', 'coredns', '--ignore-not-found');
  for (const node of all)
    for (const { namespace, pod } of agentStatus(node).formerNetwork.pods as Record<string, string>[])
      kubectl('-n', namespace!, 'delete', 'pod', pod!, '--ignore-not-found');
  kubectl('rollout', 'status', `daemonset/${application}`, '--timeout=180s');
  for (const node of all) {
    await waitFor(`the end of the old network on ${node.name}`, 120, () => {
      const { formerNetwork } = agentStatus(node);
      return formerNetwork.pods.length === 0;
    });
    const links = onNode(node, 'ip', '-o', 'link');
    expect(links).not.toContain('cni0');
    const files = onNode(
      node,
      'sh',
      '-c',
      'ls /var/lib/cni/networks/usual /var/lib/cni/results 2>/dev/null || true',
    );
    expect(files.split('\n').filter((name) => /^10\.|^fd44|^usual-/.test(name))).toEqual([]);
    expect(onNode(node, 'ip', 'route')).toMatch(/unreachable 10\.244\.\d+\.0\/24/);
  }
}, 600_000);
