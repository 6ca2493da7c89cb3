import { beforeEach, expect, it } from 'vitest';
import { FakeClient } from '../kube/client/fake-client.ts';
import { createInformers, type Informers } from '../kube/client/informers.ts';
import { resources } from '../kube/resources.ts';
import { FakeNetwork } from '../linux/netlink/fake-route-netlink.ts';
import type { RouteNetlink } from '../linux/netlink/route-netlink.ts';
import { formatCidr, parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { createHostgwBackend } from '../podnet/backend/hostgw/apply.ts';
import { FakeClock } from '../util/clock.ts';
import { createLogger } from '../util/logger.ts';
import { NodeNetwork } from './node-network.ts';

let clock: FakeClock;
let client: FakeClient;
let informers: Informers;
let netlink: RouteNetlink;
let rulesets: string[];
let seen: string[];
let logged: string[];
let network: NodeNetwork;

beforeEach(() => {
  clock = new FakeClock();
  client = new FakeClient({ clock });
  informers = createInformers({ client, clock });
  netlink = new FakeNetwork().open();
  const { index: link } = netlink.addLink({ kind: 'bridge', name: 'eth0', up: true });
  netlink.ensureAddress({ link, ip: parseIp('172.20.0.1'), prefix: 16 });
  rulesets = [];
  seen = [];
  logged = [];
  network = new NodeNetwork({
    config: {
      nodeName: 'node-1',
      uplink: 'eth0',
      clusterPodCidrs: ['10.244.0.0/16'],
    },
    ...{ informers, netlink, clock },
    serviceCidrs: () => [parseCidr('10.96.0.0/16')],
    backend: createHostgwBackend({ netlink, uplink: 'eth0' }),
    applyRuleset: async (text) => void rulesets.push(text),
    onNodeIps: () => {},
    onOwnNode: ({ podCidrs }) => void seen.push(podCidrs.map(formatCidr).join()),
    logger: createLogger({ write: (line) => void logged.push(JSON.parse(line).msg) }),
  });
});

function seedNode(n: number, podCIDRs = [`10.244.${n}.0/24`]): void {
  const addresses = [{ type: 'InternalIP', address: `172.20.0.${n}` }];
  client.seed(resources.nodes, {
    metadata: { name: `node-${n}` },
    spec: { podCIDRs },
    status: { addresses },
  });
}

function start(): void {
  network.start();
  informers.start();
}

const routes = () =>
  netlink
    .routes({ table: 254, protocol: 84 })
    .map(({ destination, type }) => `${formatCidr(destination!)} ${type ?? 'unicast'}`)
    .sort();

it('follows the nodes: routes, own block, masquerade', async () => {
  seedNode(1);
  seedNode(2);
  start();
  await clock.advance(1000);
  await network.synced();
  expect(routes()).toEqual(['10.244.1.0/24 unreachable', '10.244.2.0/24 unicast']);
  expect(rulesets).toHaveLength(1);
  expect(rulesets[0]).toContain('172.20.0.1, 172.20.0.2');
  seedNode(3);
  await clock.advance(1000);
  expect(routes()).toContain('10.244.3.0/24 unicast');
  await client.delete(resources.nodes, { name: 'node-2' });
  await clock.advance(1000);
  expect(routes()).toEqual(['10.244.1.0/24 unreachable', '10.244.3.0/24 unicast']);
  expect(network.status()).toEqual({ synced: true, nodes: 2, problems: [] });
});

it('is complete only once the own node has a pod CIDR', async () => {
  seedNode(1, []);
  start();
  let synced = false;
  void network.synced().then(() => {
    synced = true;
  });
  await clock.advance(1000);
  expect(synced).toBe(false);
  client.change(resources.nodes, { name: 'node-1' }, { spec: { podCIDRs: ['10.244.1.0/24'] } });
  await clock.advance(1000);
  expect(synced).toBe(true);
  expect(seen.at(-1)).toBe('10.244.1.0/24');
});

it('does nothing for a heartbeat', async () => {
  seedNode(1);
  start();
  await clock.advance(1000);
  netlink.routes({ protocol: 84 }).forEach((route) => void netlink.deleteRoute(route));
  client.change(
    resources.nodes,
    { name: 'node-1' },
    { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
  );
  await clock.advance(1000);
  expect(routes()).toEqual([]);
});

it('mends within a minute what somebody removed', async () => {
  seedNode(1);
  seedNode(2);
  start();
  await clock.advance(1000);
  netlink.routes({ protocol: 84 }).forEach((route) => void netlink.deleteRoute(route));
  await clock.advance(60_000);
  expect(routes()).toEqual(['10.244.1.0/24 unreachable', '10.244.2.0/24 unicast']);
  expect(rulesets).toHaveLength(2);
});

it('logs a node that cannot be reached once, and goes on telling of it in its status', async () => {
  seedNode(1);
  client.seed(resources.nodes, { metadata: { name: 'far' }, spec: { podCIDRs: ['10.244.9.0/24'] } });
  start();
  await clock.advance(180_000);
  expect(network.status().problems.map(({ node }) => node)).toEqual(['far']);
  expect(logged).toEqual(['a node’s pods cannot be reached']);
});

it('touches nothing while the API is away', async () => {
  client.intercept = () => {
    throw new Error('unreachable');
  };
  netlink.ensureRoute({
    family: 4,
    type: 'unreachable',
    destination: { ip: parseIp('10.244.1.0'), prefix: 24 },
    protocol: 84,
  });
  start();
  await clock.advance(5000);
  expect(routes()).toEqual(['10.244.1.0/24 unreachable']);
  expect(rulesets).toEqual([]);
});
