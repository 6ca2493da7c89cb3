/** XDP at a real uplink: native mode on a veth, with a program on the fabric's port that lets all pass. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import type { BpfObject } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import { openNetns } from '../../src/linux/netns/netns.ts';
import type { ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { until } from '../../tests/e2e/support/until.ts';
import { BlockingSocket } from './blocking-socket.ts';
import { addresses, at, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';
import { proxyOf } from './node-proxy.ts';
import { setTxChecksum } from './veth-offload.ts';

const families = [4, 6] as const;
const protocols = ['TCP', 'UDP'] as const;
const nodePorts = { translated: 30080, direct: 30081 } as const;
type Name = keyof typeof nodePorts;

let cluster: TestCluster;
let one: TestNode;
let two: TestNode;
let fabric: BpfObject;
const services = new TestStore<Service>();
const slices = new TestStore<EndpointSlice>();
const proxies: ServiceProxy[] = [];

function start(node: TestNode, xdp: 'off' | 'native' | 'generic'): Promise<ServiceProxy> {
  const nodes = cluster.nodes.flatMap(addresses);
  return proxyOf(node, { services, slices, clusterNodes: () => nodes, bpf: { xdp } });
}

beforeAll(async () => {
  cluster = new TestCluster();
  [one, two] = cluster.nodes as [TestNode, TestNode];
  for (const [index, name] of (['translated', 'direct'] as const).entries()) {
    const nodePort = nodePorts[name];
    const ports = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
    const clusterIPs = [`10.96.0.${index + 1}`, `fd00:96::${index + 1}`];
    const service = testService(name, { type: 'NodePort', clusterIPs, ports });
    const annotations = { 'tendril.dev/service-forwarding': name === 'direct' ? 'dsr' : '' };
    services.set({ ...service, metadata: { ...service.metadata, annotations } });
    for (const family of families)
      slices.set(
        testSlice(name, {
          family,
          ports: protocols.map((protocol) => ({ name: protocol, port: 8080, protocol })),
          endpoints: [{ ip: two.pod.ips[family], node: two.name }],
        }),
      );
  }
  fabric = kernelBpf.load({
    path: join(objectsDirectory, 'xdp.bpf.o'),
    pinDirectory: join(cluster.root, 'bpf', 'fabric'),
  });
  using netns = openNetns(join(cluster.root, 'fabric'));
  const ifindex = Number(
    /^(\d+):/.exec(cluster.inside(join(cluster.root, 'fabric'), 'ip -o link show f1'))![1],
  );
  const port = { type: 'xdp', mode: 'native', ifindex, netns } as const;
  fabric.attach('xdp_pass', port, join(cluster.root, 'bpf', 'fabric', 'port'));
  proxies.push(await start(one, 'native'), await start(two, 'off'));
  // Each child ends by itself when its client is silent: there is no other end to a flow of datagrams.
  for (const listen of ['TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=0', 'UDP6-LISTEN:8080,fork,ipv6only=0'])
    cluster.spawn(two.pod.path, ['socat', '-T3', listen, 'EXEC:cat']);
  for (const protocol of protocols)
    await until(`${protocol} answers`, () => answers('translated', protocol, 4));
});

afterAll(async () => {
  for (const proxy of proxies) await proxy.cleanup();
  fabric?.close();
  cluster?.close();
});

function connect(name: Name, protocol: 'TCP' | 'UDP', family: 4 | 6): BlockingSocket {
  const to = { protocol, to: one.ips[family], port: nodePorts[name] };
  return at({ netns: cluster.client.netns }, () => new BlockingSocket({ ...to, timeoutMs: 5000 }));
}

function answers(name: Name, protocol: 'TCP' | 'UDP', family: 4 | 6): boolean {
  try {
    using socket = connect(name, protocol, family);
    return socket.exchange(Buffer.from('ready')).toString() === 'ready';
  } catch {
    return false;
  }
}

/** What comes back of `total` bytes, sent in pieces and compared. */
function echo(socket: BlockingSocket, total: number): void {
  for (let sent = 0; sent < total; ) {
    const piece = randomBytes(1 + ((sent * 31) % 1200));
    expect(socket.exchange(piece).equals(piece)).toBe(true);
    sent += piece.length;
  }
}

/** Finished checksums on all that the client and the pod send. */
function finishChecksums(on: boolean): void {
  for (const { netns } of [cluster.client, two.pod]) setTxChecksum(netns, 'eth0', !on);
}
afterEach(() => finishChecksums(false));

const shown = () => cluster.inside(one.path, 'ip -d link show eth0');

it('tells that it is in force', () => {
  expect(proxies.map((proxy) => proxy.status().xdp)).toEqual([{ mode: 'native' }, { mode: 'off' }]);
  expect(shown()).toMatch(/ xdp /);
});

describe.each(families)('IPv%i', (family) => {
  it.each(protocols)('%s whose checksums nobody finished goes by tc, and comes back whole', (protocol) => {
    using socket = connect('translated', protocol, family);
    echo(socket, 1 << 20);
  });

  it.each([
    ['translated', 'TCP'],
    ['translated', 'UDP'],
    ['direct', 'TCP'],
  ] as const)('%s %s goes on by XDP alone, and megabytes of it come back whole', async (name, protocol) => {
    finishChecksums(true);
    using socket = connect(name, protocol, family);
    echo(socket, 1000);
    // Without tc's program nothing else knows what to do with these packets.
    kernelBpf.detach(join(one.pinDirectory, 'links', 'uplink-ingress'));
    try {
      await until('no connection begins', () => !answers('translated', 'TCP', family));
      // Not much: one packet in 65,536 has a checksum that XDP leaves to tc.
      echo(socket, 20_000);
    } finally {
      attachTc();
    }
    echo(socket, 2 << 20);
  });
});

function attachTc(): void {
  using object = kernelBpf.load({
    path: join(objectsDirectory, 'host.bpf.o'),
    pinDirectory: one.pinDirectory,
  });
  const point = { type: 'tcx', direction: 'ingress', ifindex: one.uplinkIfindex, netns: one.netns } as const;
  object.attach('host_ingress', point, join(one.pinDirectory, 'links', 'uplink-ingress'));
}

describe('the setting', () => {
  const restart = async (xdp: 'off' | 'native' | 'generic') => {
    await proxies[0]!.stop();
    proxies[0] = await start(one, xdp);
    return proxies[0].status().xdp;
  };

  it('outlives the agent, and is followed by the next one without a broken connection', async () => {
    finishChecksums(true);
    using socket = connect('translated', 'TCP', 4);
    echo(socket, 1000);
    await proxies[0]!.stop();
    expect(shown()).toMatch(/ xdp /);
    echo(socket, 10_000);
    for (const xdp of ['native', 'generic', 'off', 'generic', 'native'] as const) {
      expect(await restart(xdp)).toEqual({ mode: xdp });
      expect(/ (xdp(generic)?) /.exec(shown())?.[1] ?? 'off').toBe(
        { off: 'off', native: 'xdp', generic: 'xdpgeneric' }[xdp],
      );
      echo(socket, 10_000);
    }
  });

  it('says what is in the way, and goes on without', async () => {
    await restart('off');
    const pin = join(cluster.root, 'bpf', 'fabric', 'stranger');
    const point = { type: 'xdp', mode: 'generic', ifindex: one.uplinkIfindex, netns: one.netns } as const;
    fabric.attach('xdp_pass', point, pin);
    expect(await restart('native')).toEqual({
      mode: 'off',
      problem: expect.stringMatching(
        /XDP in native mode cannot be attached to the uplink: .*; remove the XDP/,
      ),
    });
    expect(answers('translated', 'TCP', 6)).toBe(true);
    kernelBpf.detach(pin);
    expect(await restart('native')).toEqual({ mode: 'native' });
  });

  it('ends with all else of the node', async () => {
    await proxies.shift()!.cleanup();
    expect(shown()).not.toMatch(/ xdp/);
  });
});
