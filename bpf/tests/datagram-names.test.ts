/** Under which name a UDP socket hears from a backend that it reaches by more than one. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { withNetns } from '../../src/linux/netns/netns.ts';
import { createServiceProxy, type ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { silentLogger } from '../../src/util/logger.ts';
import { addresses, at, bpfIn, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';
import { DatagramSocket } from './datagram-socket.ts';

const families = [4, 6] as const;
const clusterIps = {
  one: { 4: '10.96.0.1', 6: 'fd00:96::1' },
  two: { 4: '10.96.0.2', 6: 'fd00:96::2' },
} as const;
const port = 8080;

let cluster: TestCluster;
let proxy: ServiceProxy;
let node: TestNode;
let other: TestNode;

beforeAll(async () => {
  cluster = new TestCluster();
  [node, other] = cluster.nodes as [TestNode, TestNode];
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();
  for (const [name, ips] of Object.entries(clusterIps)) {
    services.set(
      testService(name, {
        clusterIP: ips[4],
        clusterIPs: [ips[4], ips[6]],
        ports: [{ port: 80, protocol: 'UDP', targetPort: port }],
      }),
    );
    for (const family of families) {
      const endpoints = [{ ip: other.pod.ips[family], node: other.name }];
      slices.set(testSlice(name, { family, ports: [{ port, protocol: 'UDP' }], endpoints }));
    }
  }
  const { pinDirectory, cgroup, uplinkIfindex, name, netns } = node;
  proxy = withNetns(netns, () =>
    createServiceProxy(
      {
        ...{ services, slices, logger: silentLogger },
        node: { name, addresses: () => addresses(node) },
        bpf: { objectsDirectory, pinDirectory, cgroup, uplinkIfindex },
      },
      { bpf: bpfIn(netns), netnsCookie },
    ),
  );
  await proxy.start();
  await proxy.synced();
});

afterAll(async () => {
  await proxy.cleanup();
  cluster.close();
});

describe.each(families)('IPv%i', (family) => {
  const service = { one: `${clusterIps.one[family]}|80`, two: `${clusterIps.two[family]}|80` } as const;
  let server: DatagramSocket;
  let socket: DatagramSocket;
  let direct: string;

  beforeEach(() => {
    direct = `${other.pod.ips[family]}|${port}`;
    server = at({ netns: other.pod.netns }, () => new DatagramSocket(family, port));
    socket = at({ netns: node.pod.netns, cgroup: node.cgroup }, () => new DatagramSocket(family));
  });
  afterEach(() => {
    server[Symbol.dispose]();
    socket[Symbol.dispose]();
  });

  function send(to: string): void {
    const [ip, toPort] = to.split('|') as [string, string];
    socket.send(ip, Number(toPort), `to ${to}`);
  }

  /** The server answers what came; whom that is from. */
  function answerFrom(): string {
    const { text, ...from } = server.receive();
    server.send(from.ip, from.port, text);
    const { ip, port: fromPort } = socket.receive();
    return `${ip}|${fromPort}`;
  }

  it('hears under the name that it used last: a Service’s, another’s with the same backend, the backend’s own', () => {
    for (const to of [
      service.one,
      direct,
      service.one,
      service.two,
      service.one,
      direct,
      direct,
      service.two,
    ]) {
      send(to);
      expect(answerFrom()).toBe(to);
    }
  });

  it('hears under the name that it connected to, whatever it sends elsewhere', () => {
    const connect = (to: string) => socket.connect(to.split('|')[0]!, Number(to.split('|')[1]));
    for (const to of [service.one, direct, service.two]) {
      connect(to);
      for (const also of [service.one, service.two, direct]) {
        send(also);
        expect([socket.peer(), answerFrom()]).toEqual([to, to]);
      }
    }
    socket.disconnect();
    send(direct);
    expect(answerFrom()).toBe(direct);
  });
});
