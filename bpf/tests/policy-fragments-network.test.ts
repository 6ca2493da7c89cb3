/** NetworkPolicies on fragments that the node's connection tracking puts together and splits again, on a real network. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { datagram } from '../../src/net/packet.ts';
import { EbpfPolicyEngine } from '../../src/policy/engines/ebpf/ebpf-engine.ts';
import { anyPeer, type PolicyRule, ruleKey } from '../../src/policy/policy-state.ts';
import type { ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore } from '../../src/service/testing-objects.ts';
import { at, TestCluster, type TestNode } from './cluster.ts';
import { proxyOf } from './node-proxy.ts';
import { RawSocket } from './raw-socket.ts';

/** Of packets with a header of their own. */
const ipProtoRaw = 255;
const subject = 7n;

let cluster: TestCluster;
let node: TestNode;
let proxy: ServiceProxy;
let engine: EbpfPolicyEngine;

beforeAll(async () => {
  cluster = new TestCluster();
  node = cluster.nodes[0]!;
  proxy = await proxyOf(node, { services: new TestStore<Service>(), slices: new TestStore<EndpointSlice>() });
  engine = new EbpfPolicyEngine((name) => proxy.map(name));
  const chain = 'add chain inet follows forward { type filter hook forward priority 0; }';
  const rule = 'add rule inet follows forward ct state established accept';
  cluster.inside(node.path, `nft 'add table inet follows; ${chain}; ${rule}'`);
  cluster.inside(cluster.client.path, `ip -6 route add ${node.pod.ips[6]} via ${node.ips[6]}`);
});
afterAll(async () => {
  await proxy?.cleanup();
  cluster?.close();
});

function isolate(...rules: PolicyRule[]): Promise<void> {
  const isolated = { subject, ingress: true, egress: false };
  return engine.sync(
    {
      pods: new Map(([4, 6] as const).map((f) => [node.pod.ips[f], isolated])),
      rules: new Map(rules.map((rule) => [ruleKey(rule), rule])),
      ...{ peers: new Map(), blocks: new Map() },
    },
    true,
  );
}

/** Datagrams in fragments that the pod has put together. */
function received(): number {
  return Number(/Ip6ReasmOKs\s+(\d+)/.exec(cluster.inside(node.pod.path, 'cat /proc/net/snmp6'))![1]);
}

/** The first fragment has more headers than the others have room for, so that the node copies all. */
function sendFragments(id: number): void {
  const { client } = cluster;
  const long = new Uint8Array(254);
  // An option that whoever does not know it skips.
  long.set([0x1e, 252]);
  const whole = (options: object) =>
    datagram()
      .ip(client.ips[6], node.pod.ips[6], options)
      .udp(4000, 9)
      .payload('x'.repeat(2000))
      .fragments(800, id);
  const [first] = whole({ extensions: ['destination', 'destination'], extensionOptions: long });
  const [, ...others] = whole({});
  at(client, () => {
    using socket = new RawSocket(6, ipProtoRaw);
    for (const fragment of [...others, first!]) socket.send(node.pod.ips[6], fragment);
  });
}

it('they come from where they came from, not from the node', async () => {
  await isolate({ subject, direction: 'ingress', peer: anyPeer, protocol: 17, port: 0, portBits: 0 });
  sendFragments(1);
  await expect.poll(received).toBe(1);
  await isolate();
  const drops = () =>
    JSON.stringify([...proxy.map('drop_counters').entries()].map(([, value]) => [...value]));
  const before = drops();
  sendFragments(2);
  await expect.poll(drops).not.toBe(before);
  expect(received()).toBe(1);
});

it.each([4, 6] as const)('the node’s own of IPv%i enter', async (f) => {
  await isolate();
  expect(cluster.inside(node.path, `ping -c 1 -W 5 -s 5000 ${node.pod.ips[f]}`)).toContain('1 received');
});
