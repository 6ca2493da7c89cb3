/** Direct return between two real nodes: a client outside, a NodePort of the one, a pod of the other. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import type { ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { until } from '../../tests/e2e/support/until.ts';
import { type Exchange, exchange } from './blocking-client.ts';
import { addresses, at, TestCluster, type TestNode } from './cluster.ts';
import { proxyOf } from './node-proxy.ts';

const families = [4, 6] as const;
const protocols = ['TCP', 'UDP'] as const;
const nodePort = 30080;
const bulkPort = 30081;

let cluster: TestCluster;
let one: TestNode;
let two: TestNode;
const proxies: ServiceProxy[] = [];

const ports = [
  ...protocols.map((protocol) => ({ name: protocol, port: 80, target: 8080, protocol, nodePort })),
  { name: 'bulk', port: 81, target: 8081, protocol: 'TCP' as const, nodePort: bulkPort },
];

beforeAll(async () => {
  cluster = new TestCluster();
  [one, two] = cluster.nodes as [TestNode, TestNode];
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  const service = testService('web', { type: 'NodePort', clusterIPs: ['10.96.0.1', 'fd00:96::1'], ports });
  const annotations = { 'tendril.dev/service-forwarding': 'dsr' };
  services.set({ ...service, metadata: { ...service.metadata, annotations } });
  for (const family of families)
    slices.set(
      testSlice('web', {
        family,
        ports: ports.map(({ name, target, protocol }) => ({ name, port: target, protocol })),
        endpoints: [{ ip: two.pod.ips[family], node: two.name }],
      }),
    );
  const nodes = cluster.nodes.flatMap(addresses);
  const clusterNodes = () => nodes;
  for (const node of cluster.nodes) proxies.push(await proxyOf(node, { services, slices, clusterNodes }));
  const answer = "SYSTEM:'read x; echo $SOCAT_PEERADDR $x'";
  const { path } = two.pod;
  cluster.spawn(path, ['socat', 'TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=0', answer]);
  cluster.spawn(path, ['socat', 'UDP6-RECVFROM:8080,fork,ipv6only=0', answer]);
  cluster.spawn(path, ['socat', 'TCP6-LISTEN:8081,fork,reuseaddr,ipv6only=0', 'SYSTEM:cat']);
  for (const protocol of protocols)
    await until(`the ${protocol} server answers`, () => /hello/.test(ask(protocol, 4).answer));
});

afterAll(async () => {
  for (const proxy of proxies) await proxy.cleanup();
  cluster?.close();
});

function ask(protocol: 'TCP' | 'UDP', family: 4 | 6, to: TestNode = one): Exchange {
  const options = { protocol, to: to.ips[family], port: nodePort, timeoutMs: 500 };
  return at({ netns: cluster.client.netns }, () => exchange(options));
}

const clientText = { 4: '0a09:0009', 6: 'fd09:0000:0000:0000:0000:0000:0000:0009' } as const;

describe.each(families)('IPv%i', (family) => {
  it.each(protocols)('%s: the client is answered by what it asked, the pod sees the client', (protocol) => {
    const { answer, peer } = ask(protocol, family);
    expect([answer, peer]).toEqual([
      expect.stringContaining(clientText[family]),
      `${one.ips[family]}|${nodePort}`,
    ]);
  });

  it.each(protocols)('%s: so too where the backend is on the node that it asked', (protocol) => {
    const { answer, peer } = ask(protocol, family, two);
    expect([answer, peer]).toEqual([
      expect.stringContaining(clientText[family]),
      `${two.ips[family]}|${nodePort}`,
    ]);
  });

  it('the first node holds one entry for a connection, sees its client alone, and lets it go', async () => {
    ask('TCP', family);
    const views = await proxies[0]!.inspection.connections(1000);
    const direct = views.filter(({ client, protocol }) => protocol === 'TCP' && isClient(client, family));
    expect(direct.length).toBeGreaterThan(0);
    for (const view of direct)
      expect(view).toMatchObject({
        ...{ frontend: `${one.ips[family]}|${nodePort}`, backend: `${two.pod.ips[family]}|8080` },
        direct: true,
      });
  });

  it('megabytes come back whole, and the way back does not lead over the first node', () => {
    const path = join(cluster.root, `bulk-${family}`);
    writeFileSync(path, randomBytes(4 << 20));
    // By netlink: the files of /sys are those of whoever mounted them, in whatever namespace one is.
    const sent = () =>
      JSON.parse(cluster.inside(one.path, 'ip -s -j link show dev eth0'))[0].stats64.tx.bytes as number;
    const target = family === 4 ? `TCP4:${one.ips[4]}` : `TCP6:[${one.ips[6]}]`;
    const before = sent();
    const sums = cluster.inside(
      cluster.client.path,
      `sha256sum < ${path}; socat -t10 - ${target}:${bulkPort} < ${path} | sha256sum`,
    );
    const [put, got] = sums.trim().split('\n');
    expect(got).toBe(put);
    // There and not back: 4 MB and headers, where it would be 8.
    expect(sent() - before).toBeGreaterThan(4 << 20);
    expect(sent() - before).toBeLessThan(6 << 20);
  });
});

function isClient(text: string, family: 4 | 6): boolean {
  return text.startsWith(`${cluster.client.ips[family]}|`);
}
