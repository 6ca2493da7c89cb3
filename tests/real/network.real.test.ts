/**
 * Tendril as the only network of a real cluster: kubelets, containerd and a control plane of Kubernetes' own, without
 * kube-proxy, CoreDNS and any other CNI plugin. `make test-real`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
import { kubectl } from './cluster/control-plane.ts';
import { nodes } from './cluster/layout.ts';
import { onNode } from './cluster/node.ts';
import { waitFor } from './cluster/process.ts';

const all = nodes();
const [controlPlane] = all;
let web: Application;
let names: string[];

beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = await existingOrNewCluster();
  stack.defer(() => cluster.remove());
  web = await deployApplication();
  names = web.servers.map(({ name }) => name);
  const owned = stack.move();
  remove = () => owned.disposeAsync();
}, 1_200_000);

let remove = async () => {};

afterAll(async () => {
  removeApplication();
  await remove();
}, 60_000);

test('every node is Ready, and nothing but Tendril makes it so', () => {
  const conditions = kubectl(
    'get',
    'nodes',
    '-o',
    'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
  );
  expect(conditions.split(' ')).toEqual(all.map(() => 'True'));
  const images = kubectl('get', 'pods', '-A', '-o', 'jsonpath={.items[*].spec.containers[*].image}').split(
    ' ',
  );
  expect(images.filter((image) => !/tendril|agnhost/.test(image))).toEqual([]);
  for (const node of all) expect(onNode(node, 'ls', '/etc/cni/net.d').trim()).toBe('05-tendril.conflist');
});

test('the application runs on every worker, with an address of each family', () => {
  expect(web.servers.map(({ node }) => node).sort()).toEqual(['n1', 'n2']);
  for (const { ips } of web.servers) expect(ips).toHaveLength(2);
});

describe.each([0, 1])('from the pod of worker %i', (i) => {
  const ask = (host: string, port = 80) => fromPod(controlPlane!, web.servers[i]!, host, port);

  test.each([application, `${application}.default`, `${application}.default.svc.cluster.local`])(
    'the application answers by the name %s',
    (name) => {
      expect(names).toContain(ask(name)[0]);
    },
  );

  test('it answers at its ClusterIPs, IPv4 and IPv6', () => {
    for (const ip of web.clusterIps) expect(names).toContain(ask(ip)[0]);
  });

  test('every server answers at its own addresses, on the same node and across nodes', () => {
    for (const { name, ips } of web.servers) for (const ip of ips) expect(ask(ip, 8080)).toEqual([name]);
  });

  test('it answers at the NodePort of every node', () => {
    for (const { ipv4, ipv6 } of all)
      for (const ip of [ipv4, ipv6]) expect(names).toContain(ask(ip, web.nodePort)[0]);
  });
});

describe.each(all)('from the node $name', (node) => {
  test('the application answers at its ClusterIPs', () => {
    for (const ip of web.clusterIps)
      expect(names).toContain(fromNode(node, `http://${bracketed(ip)}/hostname`));
  });

  test('it answers at the NodePort of every node, IPv4 and IPv6', () => {
    for (const { ipv4, ipv6 } of all)
      for (const ip of [ipv4, ipv6])
        expect(names).toContain(fromNode(node, `http://${bracketed(ip)}:${web.nodePort}/hostname`));
  });

  test('every server answers at its pod’s addresses', () => {
    for (const { name, ips } of web.servers)
      for (const ip of ips) expect(fromNode(node, `http://${bracketed(ip)}:8080/hostname`)).toBe(name);
  });
});

test('logs, exec and port of a pod are reached by the API server', () => {
  const [{ name }] = web.servers as [Application['servers'][number]];
  expect(kubectl('logs', name)).toContain('8080');
  expect(kubectl('exec', name, '--', '/agnhost', '--help')).toContain('Usage:');
});

test('pods go on without the agent, and a new one takes them over', async () => {
  const [server] = web.servers as [Application['servers'][number]];
  kubectl('-n', 'tendril-system', 'delete', 'pods', '--all', '--wait=false');
  for (let i = 0; i < 20; i++) expect(names).toContain(fromPod(controlPlane!, server, application, 80)[0]);
  kubectl('-n', 'tendril-system', 'rollout', 'status', 'daemonset/tendril-agent', '--timeout=60s');
  await waitFor('an answer by name', 10, () => fromPod(controlPlane!, server, application, 80));
});
