/** SCTP between real nodes: packets made by hand through raw sockets, since this kernel may have no sockets of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { type NetnsHandle, withNetns } from '../../src/linux/netns/netns.ts';
import { crc32c } from '../../src/net/crc32c.ts';
import { parseIp } from '../../src/net/ip.ts';
import { datagram, protocols, type SctpOptions } from '../../src/net/packet.ts';
import { serviceSnatPorts } from '../../src/net/ports.ts';
import { createServiceProxy, type ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { addresses, bpfIn, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';
import { RawSocket } from './raw-socket.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const clusterIps = { served: ['10.96.0.1', 'fd00:96::1'], none: ['10.96.0.2', 'fd00:96::2'] };

let cluster: TestCluster;
let one: TestNode;
let two: TestNode;
const proxies: ServiceProxy[] = [];
const services = new TestStore<Service>();
const slices = new TestStore<EndpointSlice>();

async function startProxy(node: TestNode): Promise<ServiceProxy> {
  const { name, pinDirectory, cgroup, uplinkIfindex, pod } = node;
  const options = {
    ...{ services, slices, logger: silentLogger },
    node: { name, addresses: () => addresses(node) },
    bpf: { objectsDirectory, pinDirectory, cgroup, uplinkIfindex },
  };
  const proxy = withNetns(node.netns, () =>
    createServiceProxy(options, { bpf: bpfIn(node.netns), netnsCookie }),
  );
  await proxy.start();
  const ips = families.map((f) => parseIp(pod.ips[f]));
  proxy.attachPod({ ifindex: pod.ifindex, ips, mac: pod.mac, link: pod.link });
  await proxy.synced();
  return proxy;
}

beforeAll(async () => {
  cluster = new TestCluster();
  [one, two] = cluster.nodes as [TestNode, TestNode];
  const ports = (nodePort: number) => [{ port: 80, protocol: 'SCTP' as const, nodePort }];
  for (const [name, nodePort] of [
    ['served', 30080],
    ['none', 30081],
  ] as const)
    services.set(
      testService(name, { type: 'NodePort', clusterIPs: clusterIps[name], ports: ports(nodePort) }),
    );
  for (const family of families) {
    const endpoints = [{ ip: two.pod.ips[family], node: two.name }];
    slices.set(testSlice('served', { family, ports: [{ port: 8080, protocol: 'SCTP' }], endpoints }));
  }
  for (const node of cluster.nodes) proxies.push(await startProxy(node));
});

afterAll(async () => {
  for (const proxy of proxies) await proxy.cleanup();
  cluster?.close();
});

/** From the SCTP header on: it has no pseudo header, so addresses do not matter. */
function sctp(sport: number, dport: number, options: SctpOptions, payload = 'parameters'): Uint8Array {
  return datagram()
    .ip('0.0.0.1', '0.0.0.2')
    .sctp(sport, dport, options)
    .payload(payload)
    .bytes()
    .subarray(20);
}

function read(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer);
  const sum = view.getUint32(8, true);
  const whole = sum === crc32c(Uint8Array.from(bytes).fill(0, 8, 12));
  return { sport: view.getUint16(0), dport: view.getUint16(2), chunk: bytes[12], whole };
}

const openIn = (netns: NetnsHandle, family: Family, protocol?: number) =>
  withNetns(netns, () => new RawSocket(family, protocol));

function received(socket: RawSocket) {
  const got = socket.receive();
  if (typeof got === 'string') throw new Error(`nothing came: ${got}`);
  return { from: got.from, ...read(got.bytes) };
}

describe.each(families)('IPv%i', (f) => {
  const i = f === 4 ? 0 : 1;

  it('a pod’s association with a ClusterIP reaches a pod of another node, and its answer comes under that name', () => {
    using client = openIn(one.pod.netns, f);
    using server = openIn(two.pod.netns, f);
    client.send(clusterIps.served[i]!, sctp(4000, 80, { chunk: 'INIT' }));
    const asked = { from: one.pod.ips[f], sport: 4000, dport: 8080, chunk: 1, whole: true };
    expect(received(server)).toEqual(asked);
    server.send(one.pod.ips[f], sctp(8080, 4000, { chunk: 'INIT-ACK' }, 'a cookie of some length'));
    const answered = { from: clusterIps.served[i], sport: 80, dport: 4000, chunk: 2, whole: true };
    expect(received(client)).toEqual(answered);
  });

  it('from outside by a NodePort of a node without endpoints: it comes from the node, and goes back by it', () => {
    using client = openIn(cluster.client.netns, f);
    using server = openIn(two.pod.netns, f);
    client.send(one.ips[f], sctp(4100, 30080, { chunk: 'INIT' }));
    const { sport, ...asked } = received(server);
    expect(asked).toEqual({ from: one.ips[f], dport: 8080, chunk: 1, whole: true });
    expect(sport).toBeGreaterThanOrEqual(serviceSnatPorts.first);
    server.send(one.ips[f], sctp(8080, sport, { chunk: 'INIT-ACK' }));
    const answered = { from: one.ips[f], sport: 30080, dport: 4100, chunk: 2, whole: true };
    expect(received(client)).toEqual(answered);
  });

  it('and of the node that runs the endpoint: that sees the client itself', () => {
    using client = openIn(cluster.client.netns, f);
    using server = openIn(two.pod.netns, f);
    client.send(two.ips[f], sctp(4200, 30080, { chunk: 'INIT' }));
    const asked = { from: cluster.client.ips[f], sport: 4200, dport: 8080, chunk: 1, whole: true };
    expect(received(server)).toEqual(asked);
  });

  it('without endpoints ICMP says that nobody listens', () => {
    const icmp = f === 4 ? protocols.icmp : protocols.icmpv6;
    const [type, code] = f === 4 ? [3, 3] : [1, 4];
    for (const [place, to, dport] of [
      [one.pod.netns, clusterIps.none[i]!, 80],
      [cluster.client.netns, one.ips[f], 30081],
    ] as const) {
      using errors = openIn(place, f, icmp);
      using client = openIn(place, f);
      client.send(to, sctp(4300, dport, { chunk: 'INIT' }));
      let got = errors.receive();
      // Neighbour discovery is ICMPv6 too.
      while (typeof got !== 'string' && got.bytes[0] !== type) got = errors.receive();
      expect(got).toMatchObject({ from: to });
      expect([...(got as { bytes: Uint8Array }).bytes.subarray(0, 2)]).toEqual([type, code]);
    }
  });
});
