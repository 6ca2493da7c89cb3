/**
 * What befalls real nodes: kubelet, containerd and the agent end and come back, power is cut, Nodes are deleted, the API is
 * away. Pods that run go on with their addresses and connections, new ones start, and no address is lost. `make test-real`.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Application,
  application,
  bracketed,
  deployApplication,
  fromNode,
  fromPod,
  removeApplication,
} from './application.ts';
import { existingOrNewCluster } from './cluster/cluster.ts';
import { kubectl, kubectlWith } from './cluster/control-plane.ts';
import { agnhostImage } from './cluster/images.ts';
import { apiServer, kubeconfigPath, type NodeLayout, nodes } from './cluster/layout.ts';
import { onNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';
import {
  agentsOn,
  cutPower,
  killAgent,
  podCidrsOf,
  powerOn,
  restartContainerd,
  restartKubelet,
  settled,
  withAgentSettings,
  withApiProxy,
  withoutApi,
} from './cluster/restarts.ts';
import { agentStatus, type Connection, connectFromPod, stillAnswered } from './connections.ts';

const [controlPlane, first, second] = nodes() as [NodeLayout, NodeLayout, NodeLayout];
const hostPort = 8099;

let web: Application;
let connections: Connection[];
let remove = async () => {};

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

afterAll(async () => {
  await closeConnections();
  kubectl('delete', 'pods', '-l', 'app=restarts', '--ignore-not-found', '--grace-period=1');
  removeApplication();
  await remove();
}, 120_000);

beforeEach(async () => {
  web = await deployApplication();
  connections = [];
}, 400_000);

const closeConnections = async () => {
  for (const each of connections?.splice(0) ?? []) await each.close();
};

const serverOn = (node: NodeLayout) => web.servers.find((server) => server.node === node.name)!;

/** From the pod of each of these nodes: to the Service at its addresses, and to the pod of the other worker. */
async function connect(...from: readonly NodeLayout[]): Promise<void> {
  await closeConnections();
  for (const node of from) {
    const other = serverOn(node === first ? second : first);
    for (const ip of web.clusterIps) connections.push(await connectFromPod(node, serverOn(node), ip, 80));
    for (const ip of other.ips) connections.push(await connectFromPod(node, serverOn(node), ip, 8080));
  }
}

/** A pod on the node, deleted again: that it comes up and is reached tells that the node makes new ones. */
async function newPodStarts(node: NodeLayout, name: string): Promise<void> {
  startPod(node, name);
  const ips = await podIsReady(name);
  expect(fromNode(controlPlane, `http://${bracketed(ips[0]!)}:8080/hostname`)).toBe(name);
  expect(fromNode(controlPlane, `http://${bracketed(ips[1]!)}:8080/hostname`)).toBe(name);
  kubectl('delete', 'pod', name, '--grace-period=1');
}

function startPod(node: NodeLayout, name: string, ports: object[] = []): void {
  const container = { name: 'server', image: agnhostImage, args: ['netexec', '--http-port=8080'], ports };
  kubectlWith(
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: 'restarts' } },
      spec: {
        nodeName: node.name,
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        containers: [
          { ...container, readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 } },
        ],
      },
    }),
    'apply',
    '-f',
    '-',
  );
}

/** Its addresses. */
async function podIsReady(name: string, seconds = 90): Promise<string[]> {
  kubectl('wait', 'pod', name, '--for=condition=Ready', `--timeout=${seconds}s`);
  const { status } = JSON.parse(kubectl('get', 'pod', name, '-o', 'json'));
  return status.podIPs.map(({ ip }: { ip: string }) => ip);
}

/** Every address that the node's agent holds is a pod's, and every pod has its own; soon, where something was just deleted. */
async function noAddressIsLost(node: NodeLayout): Promise<void> {
  const tendril = join(import.meta.dirname, '../../bin/tendril');
  const words = ['--kubeconfig', kubeconfigPath, '--node', node.name];
  let found = '';
  try {
    await waitFor('every address to be a pod’s', 90, () => {
      found = onNode(node, 'sh', '-c', `${tendril} ipam check ${words.join(' ')} -o json || true`);
      const { findings, silent } = JSON.parse(found);
      return findings.length === 0 && silent.length === 0;
    });
  } catch (cause) {
    throw new Error(found, { cause });
  }
}

/** The Service by name and address, host ports and NodePorts: all that pods and others ask of the node. */
function everythingAnswers(node: NodeLayout): void {
  const names = web.servers.map(({ name }) => name);
  for (const host of [application, ...web.clusterIps])
    expect(names).toContain(fromPod(controlPlane, serverOn(node), host, 80)[0]);
  for (const { name, ips } of web.servers)
    for (const ip of ips) expect(fromPod(controlPlane, serverOn(node), ip, 8080)).toEqual([name]);
  for (const ip of [node.ipv4, node.ipv6])
    expect(names).toContain(fromNode(controlPlane, `http://${bracketed(ip)}:${web.nodePort}/hostname`));
}

describe.each([
  ['kubelet', [restartKubelet]],
  ['containerd', [restartContainerd]],
  ['containerd and kubelet', [restartContainerd, restartKubelet]],
])('after a restart of %s', (what, restarts) => {
  test('pods go on with their addresses and connections, new ones start, no address is lost', async () => {
    await connect(first, second);
    const before = web.servers;
    for (const restart of restarts) await restart(first);
    await newPodStarts(first, `after-${what.replaceAll(' ', '-')}`);
    await stillAnswered(connections);
    expect((await deployApplication()).servers).toEqual(before);
    everythingAnswers(first);
    await noAddressIsLost(first);
  }, 400_000);
});

describe('a node whose power is cut', () => {
  test('comes back with its pods, Services, host ports and names, and without addresses of those that were', async () => {
    startPod(first, 'host-port', [{ containerPort: 8080, hostPort }]);
    await podIsReady('host-port');
    await cutPower(first);
    await powerOn(first);
    await comesBack(first);
    for (const ip of [first.ipv4, first.ipv6])
      await waitFor(`the host port at ${ip}`, 60, () => {
        return fromNode(controlPlane, `http://${bracketed(ip)}:${hostPort}/hostname`) === 'host-port';
      });
    kubectl('delete', 'pod', 'host-port', '--grace-period=1');
    await newPodStarts(first, 'after-power');
    await noAddressIsLost(first);
  }, 400_000);

  test('comes back once the API does, where that is away as it starts', async () => {
    await cutPower(second);
    await withoutApi(async () => {
      await powerOn(second);
      // Its kubelet runs nothing that it has not heard of from the API; what it will run finds an agent first.
      await waitFor('the kubelet', 90, () => onNode(second, 'curl', '-sf', 'http://127.0.0.1:10248/healthz'));
      expect(agentsOn(second)).toEqual([]);
    });
    await comesBack(second);
    await noAddressIsLost(second);
  }, 400_000);
});

/** Its pods are Ready again, which the API says of what was there before until the kubelet knows better. */
async function comesBack(node: NodeLayout): Promise<void> {
  await waitFor(`the agent of ${node.name}`, 180, () => agentStatus(node).ready);
  await waitFor(`the pods of ${node.name}`, 120, () => {
    const { pods } = agentStatus(node);
    return pods.some(({ confirmed, note }) => confirmed && note.pod === podOn(node));
  });
  await settled();
  await waitFor(`all that ${node.name} serves`, 60, async () => {
    web = await deployApplication();
    everythingAnswers(node);
    return true;
  });
}

function podOn({ name }: NodeLayout): string {
  return kubectl(
    'get',
    'pods',
    '-l',
    `app=${application}`,
    `--field-selector=spec.nodeName=${name}`,
    '-o',
    'jsonpath={.items[*].metadata.name}',
  );
}

test('a Node that is deleted and comes back has another pod CIDR, and everybody’s routes follow', async () => {
  const before = podCidrsOf(first);
  kubectl('delete', 'node', first.name);
  await waitFor('the end of the node’s pods', 150, () => podsOn(first).length === 0);
  for (const node of [controlPlane, second]) expect(routesOf(node)).not.toContain(before[0]);
  await restartKubelet(first);
  await waitFor('the new Node', 60, () => podCidrsOf(first).length > 0);
  const podCidrs = podCidrsOf(first);
  expect(podCidrs).not.toEqual(before);
  await comesBack(first);
  expect(agentStatus(first).ipam.map(({ cidr }) => cidr)).toEqual(podCidrs);
  for (const node of [controlPlane, second])
    for (const cidr of podCidrs) expect(routesOf(node)).toContain(cidr);
  await noAddressIsLost(first);
}, 400_000);

const podsOn = ({ name }: NodeLayout): string[] =>
  kubectl('get', 'pods', '-A', `--field-selector=spec.nodeName=${name}`, '-o', 'name')
    .split('\n')
    .filter(Boolean);

const routesOf = (node: NodeLayout): string =>
  onNode(node, 'ip', 'route') + onNode(node, 'ip', '-6', 'route');

test('with the API away for a minute connections and Services go on, also past a new agent; then all is caught up', async () => {
  startPod(first, 'restarted');
  await podIsReady('restarted');
  await connect(first, second);
  await withoutApi(async () => {
    const until = Date.now() + 60_000;
    await killAgent(first);
    await waitFor('the next agent', 60, () => agentStatus(first).ready);
    // Its sandbox ends: the kubelet, which knows it, makes another one, with an address of the agent's.
    const was = sandboxOf('restarted');
    const netns = was.note.netns!.split('/').at(-1);
    onNode(first, 'sh', '-c', `kill -9 $(ip netns pids ${netns})`);
    await waitFor('a new sandbox', 60, () => {
      const now = sandboxOf('restarted');
      return now.confirmed && now.containerId !== was.containerId;
    });
    while (Date.now() < until) {
      await stillAnswered(connections);
      everythingAnswers(first);
    }
  });
  await newServiceIsKnown();
  await settled();
  await stillAnswered(connections);
  kubectl('delete', 'pod', 'restarted', '--grace-period=1');
  for (const node of [first, second]) await noAddressIsLost(node);
}, 400_000);

const sandboxOf = (pod: string) => agentStatus(first).pods.find(({ note }) => note.pod === pod)!;

/** What is made now counts on every node within seconds; after an outage its endpoints take their controller longer. */
async function newServiceIsKnown(): Promise<void> {
  const name = `late-${Date.now()}`;
  const spec = { selector: { app: application }, ports: [{ port: 80, targetPort: 8080 }] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
  kubectlWith(JSON.stringify(service), 'apply', '-f', '-');
  try {
    await waitFor('its ready endpoints', 90, () => readyEndpointsOf(name) > 0);
    await waitFor('a Service that was made just now', 30, () =>
      [first, second].every((node) => fromPod(controlPlane, serverOn(node), name, 80).length > 0),
    );
  } finally {
    kubectl('delete', 'service', name);
  }
}

/** A node that was not heard of has its pods taken for not ready, until its kubelet has said otherwise. */
function readyEndpointsOf(service: string): number {
  const label = `kubernetes.io/service-name=${service}`;
  const ready = '{.items[*].endpoints[?(@.conditions.ready==true)].addresses}';
  const found = kubectl('get', 'endpointslices', '-l', label, '-o', `jsonpath=${ready}`);
  return found.split(' ').filter(Boolean).length;
}

test('agents whose API server ends go on at another one', async () => {
  await withApiProxy(async (proxy) => {
    const settings = { apiServers: [proxy.server, apiServer] };
    await withAgentSettings(settings, async () => {
      const serverOf = (node: NodeLayout) =>
        JSON.parse(onNode(node, 'cat', '/var/lib/tendril/agent.json')).server;
      await waitFor('agents with these settings', 90, () =>
        [first, second].every((node) => serverOf(node) === proxy.server && agentStatus(node).ready),
      );
      const agents = agentsOn(first);
      await newServiceIsKnown();
      await proxy.stop();
      await newServiceIsKnown();
      expect(agentsOn(first)).toEqual(agents);
      const logs = kubectl('-n', 'tendril-system', 'logs', 'daemonset/tendril-agent', '--tail=100');
      expect(logs).toContain('an API server does not answer, going on with another one');
    });
  });
}, 400_000);
