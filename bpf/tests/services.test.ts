/** Services on two real nodes: at the socket and per packet, both families, TCP and UDP. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import type { BpfMap } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import { parseCidr } from '../../src/net/cidr.ts';
import { formatIp } from '../../src/net/ip.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import type { ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { type Exchange, type ExchangeOptions, exchange } from './blocking-client.ts';
import { at, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';
import { proxyOf } from './node-proxy.ts';

const families = [4, 6] as const;
const protocols = ['TCP', 'UDP'] as const;
const clusterIps = {
  web: ['10.96.0.1', 'fd00:96::1'],
  none: ['10.96.0.2', 'fd00:96::2'],
  self: ['10.96.0.3', 'fd00:96::3'],
  sticky: ['10.96.0.4', 'fd00:96::4'],
  hashed: ['10.96.0.5', 'fd00:96::5'],
};

let cluster: TestCluster;
const proxies: ServiceProxy[] = [];
const services = new TestStore<Service>();
const slices = new TestStore<EndpointSlice>();

function ports(nodePort?: number) {
  return protocols.map((protocol) => ({
    name: protocol.toLowerCase(),
    port: 80,
    protocol,
    targetPort: 8080,
    ...(nodePort && { nodePort }),
  }));
}

function serve(name: keyof typeof clusterIps, nodePort: number, ...nodes: TestNode[]): void {
  const service = testService(name, {
    ...(name === 'sticky' && { sessionAffinity: 'ClientIP' }),
    type: 'NodePort',
    clusterIP: clusterIps[name][0]!,
    clusterIPs: clusterIps[name],
    ports: ports(nodePort),
  });
  const annotations = { 'tendril.dev/service-balancing': 'maglev' };
  services.set(name === 'hashed' ? { ...service, metadata: { ...service.metadata, annotations } } : service);
  for (const family of families) {
    slices.set(
      testSlice(name, {
        family,
        ports: protocols.map((protocol) => ({ name: protocol.toLowerCase(), port: 8080, protocol })),
        endpoints: nodes.map((node) => ({ ip: node.pod.ips[family], node: node.name })),
      }),
    );
  }
}

const serviceCidrs = () => ['10.96.0.0/16', 'fd00:96::/112'].map((cidr) => parseCidr(cidr));
const startProxy = (node: TestNode) => proxyOf(node, { services, slices, serviceCidrs });

function startServers(node: TestNode): void {
  const answer = `SYSTEM:'read x; echo ${node.name} $SOCAT_PEERADDR $x'`;
  const { path } = node.pod;
  cluster.spawn(path, ['socat', 'TCP6-LISTEN:8080,fork,reuseaddr,ipv6only=0', answer]);
  cluster.spawn(path, ['socat', 'UDP6-RECVFROM:8080,fork,ipv6only=0', answer]);
}

beforeAll(async () => {
  cluster = new TestCluster();
  const [one, two] = cluster.nodes as [TestNode, TestNode];
  serve('web', 30080, two);
  serve('none', 30081);
  serve('self', 30082, one);
  serve('sticky', 30083, one, two);
  serve('hashed', 30084, one, two);
  for (const node of cluster.nodes) {
    startServers(node);
    proxies.push(await startProxy(node));
  }
  await ready();
});

/** Until the servers answer: asked directly, without a Service. */
async function ready(): Promise<void> {
  for (const node of cluster.nodes) {
    for (const protocol of protocols) {
      const ask = () =>
        at(node, () => exchange({ protocol, to: node.pod.ips[4], port: 8080, timeoutMs: 100 })).answer;
      for (let tries = 0, answer = ask(); !answer.startsWith('node'); tries++, answer = ask()) {
        if (tries === 250)
          throw new Error(`the ${protocol} server of ${node.name} does not answer: ${answer}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

afterAll(async () => {
  for (const proxy of proxies) await proxy.cleanup();
  cluster.close();
});

type Place = 'pod' | 'pod packets' | 'node' | 'client';

/** `pod packets`: a pod whose sockets are not translated, so that its packets are. */
function ask(place: Place, options: ExchangeOptions, node = 0): Exchange {
  const { pod, cgroup, netns } = cluster.nodes[node]!;
  const where = {
    pod: { netns: pod.netns, cgroup },
    'pod packets': { netns: pod.netns },
    node: { netns, cgroup },
    client: { netns: cluster.client.netns },
  }[place];
  return at(where, () => exchange(options));
}

/** A map of the first node, through descriptors of our own. */
function withMap<T>(name: string, use: (map: BpfMap) => T): T {
  const path = join(objectsDirectory, 'sock.bpf.o');
  using object = kernelBpf.load({ path, pinDirectory: cluster.nodes[0]!.pinDirectory });
  return use(object.map(name));
}

function forgetAffinities(): void {
  withMap('affinities', (map) => {
    for (const [key] of [...map.entries()]) map.delete(key);
  });
}

function affinityClients(): string[] {
  return withMap('affinities', (map) =>
    [...map.entries()].map(([key]) => formatIp(layouts.affinityKey.decode(key).client)),
  );
}

const mapped = (family: 4 | 6, text: string) =>
  family === 4 ? `[0000:0000:0000:0000:0000:ffff:${hex4(text)}]` : text;
const hex4 = (text: string) => {
  const [a, b, c, d] = text.split('.').map((n) => Number(n).toString(16).padStart(2, '0'));
  return `${a}${b}:${c}${d}`;
};

describe.each(families)('IPv%i', (family) => {
  describe.each(protocols)('%s', (protocol) => {
    const i = family === 4 ? 0 : 1;
    it('answers direct connections', () => {
      expect(ask('pod', { protocol, to: cluster.nodes[1]!.pod.ips[family], port: 8080 }).answer).toContain(
        'node-2',
      );
    });

    it.each(['pod', 'pod packets', 'node'] as const)(
      'a ClusterIP answers from %s under its own name',
      (place) => {
        const result = ask(place, { protocol, to: clusterIps.web[i]!, port: 80 });
        expect(result.answer).toContain('node-2');
        expect(result.peer).toBe(`${clusterIps.web[i]}|80`);
      },
    );

    it('the backend sees the pod itself', () => {
      for (const place of ['pod', 'pod packets'] as const) {
        const { answer } = ask(place, { protocol, to: clusterIps.web[i]!, port: 80 });
        if (family === 4) expect(answer).toContain(mapped(4, cluster.nodes[0]!.pod.ips[4]));
        else expect(answer).toContain('0244:0001');
      }
    });

    it.each([0, 1])('a NodePort of node %i answers the outside, whichever node runs the backend', (node) => {
      const to = cluster.nodes[node]!.ips[family];
      expect(ask('client', { protocol, to, port: 30080 })).toMatchObject({
        answer: expect.stringContaining('node-2'),
        peer: `${to}|30080`,
      });
    });

    it('keeps the outside client’s address where the backend is on the node it reached', () => {
      const { answer } = ask('client', { protocol, to: cluster.nodes[1]!.ips[family], port: 30080 });
      expect(answer).toContain(
        family === 4 ? mapped(4, cluster.client.ips[4]) : 'fd09:0000:0000:0000:0000:0000:0000:0009',
      );
    });

    it('keeps a pod on one backend with session affinity, by its sockets and per packet', () => {
      for (const place of ['pod', 'pod packets'] as const) {
        const answers = Array.from({ length: 12 }, () =>
          ask(place, { protocol, to: clusterIps.sticky[i]!, port: 80 }),
        );
        expect(new Set(answers.map(({ answer }) => answer.slice(0, 6))).size).toBe(1);
        expect(answers[0]!.answer).toMatch(/^node-/);
      }
    });

    it('knows a pod to session affinity by its address, by sockets and per packet, and the node by its own', () => {
      const { pod, ips } = cluster.nodes[0]!;
      for (const { places, client } of [
        { places: ['pod', 'pod packets'] as const, client: pod.ips[family] },
        { places: ['node'] as const, client: ips[family] },
      ]) {
        forgetAffinities();
        const answers = [...places, ...places, ...places].map(
          (place) => ask(place, { protocol, to: clusterIps.sticky[i]!, port: 80 }).answer,
        );
        expect(new Set(answers.map((answer) => answer.slice(0, 6))).size).toBe(1);
        expect(answers[0]).toMatch(/^node-/);
        expect(affinityClients()).toEqual([client]);
      }
    });

    it('spreads connections by Maglev’s table, by sockets and per packet', () => {
      for (const place of ['pod', 'pod packets'] as const) {
        const answers = Array.from({ length: 24 }, () =>
          ask(place, { protocol, to: clusterIps.hashed[i]!, port: 80 }),
        );
        expect(new Set(answers.map(({ answer }) => answer.slice(0, 6)))).toEqual(
          new Set(['node-1', 'node-2']),
        );
      }
    });

    it('refuses where there is no endpoint, at once', () => {
      for (const place of ['pod', 'pod packets', 'node'] as const) {
        expect(ask(place, { protocol, to: clusterIps.none[i]!, port: 80, connected: true }).answer).toBe(
          'ECONNREFUSED',
        );
      }
      const outside = { protocol, to: cluster.nodes[0]!.ips[family], port: 30081, connected: true };
      expect(ask('client', outside).answer).toBe('ECONNREFUSED');
    });

    it('refuses a port that a ClusterIP does not serve, at once, and is silent where no Service is', () => {
      for (const place of ['pod', 'pod packets'] as const) {
        const at81 = { protocol, to: clusterIps.web[i]!, port: 81, connected: true };
        expect([place, ask(place, at81).answer]).toEqual([place, 'ECONNREFUSED']);
        const nobody = { 4: '10.96.9.9', 6: 'fd00:96::99' }[family];
        const { answer } = ask(place, { ...at81, to: nobody, timeoutMs: 100 });
        expect(['EAGAIN', 'EINPROGRESS', 'ETIMEDOUT']).toContain(answer);
      }
    });

    it('lets a pod reach its own Service', () => {
      for (const place of ['pod', 'pod packets'] as const) {
        expect(ask(place, { protocol, to: clusterIps.self[i]!, port: 80 })).toMatchObject({
          answer: expect.stringContaining('node-1'),
          peer: `${clusterIps.self[i]}|80`,
        });
      }
    });

    it('serves NodePorts on loopback and on the unspecified address, to the node alone', () => {
      for (const to of family === 4 ? ['127.0.0.1', '0.0.0.0'] : ['::1', '::']) {
        expect(ask('node', { protocol, to, port: 30080 }).answer).toContain('node-2');
      }
      const loopback = family === 4 ? '127.0.0.1' : '::1';
      expect(ask('pod', { protocol, to: loopback, port: 30080, connected: true }).answer).toBe(
        'ECONNREFUSED',
      );
    });

    it('translates connected datagram sockets and AF_INET6 sockets that speak IPv4', () => {
      const options = { protocol, to: clusterIps.web[i]!, port: 80 };
      expect(ask('pod', { ...options, connected: true }).peer).toBe(`${clusterIps.web[i]}|80`);
      expect(ask('pod', { ...options, ipv6Socket: true })).toMatchObject({
        answer: expect.stringContaining('node-2'),
        peer: `${clusterIps.web[i]}|80`,
      });
    });
  });
});

describe.each(families)('a hop limit that ends at the node, IPv%i', (family) => {
  it('is told to the client of a NodePort: its SYN, whose checksum nobody has computed yet, is quoted', () => {
    const to = family === 4 ? cluster.nodes[0]!.ips[4] : `[${cluster.nodes[0]!.ips[6]}]`;
    const limit = family === 4 ? 'ttl=1' : 'ipv6-unicast-hops=1';
    const script = `socat -u /dev/null TCP${family}:${to}:30080,${limit},connect-timeout=5 2>&1 || true`;
    expect(cluster.inside(cluster.client.path, script)).toContain('No route to host');
  });
});

describe('the source check', () => {
  it('drops what a pod sends from an address that is not its own, and says why', () => {
    const { pod } = cluster.nodes[0]!;
    at({ netns: pod.netns }, () => {});
    const before = proxies[0]!.status().drops['source address'] ?? 0;
    const script =
      'ip addr add 10.99.0.1/32 dev lo; ping -c1 -W1 -I 10.99.0.1 10.9.0.1 || true; ip addr del 10.99.0.1/32 dev lo';
    cluster.inside(pod.path, script);
    expect(proxies[0]!.status().drops['source address'] ?? 0).toBeGreaterThan(before);
    expect(proxies[0]!.status().recentDrops).toContainEqual(
      expect.objectContaining({
        reason: 'source address',
        from: '10.99.0.1',
        to: '10.9.0.1',
        hook: 'pod ingress',
      }),
    );
  });
});

describe('what sockets are remembered', () => {
  const remembered = () => {
    const keys = (name: string) =>
      withMap(name, (map) => [...map.entries()].map(([key]) => Buffer.from(key).toString('hex')));
    return { flows: keys('flows').sort(), peers: keys('peers').sort() };
  };

  it('datagrams’ and connections’ are apart: no number of connects makes a flow forget its backend', () => {
    const before = remembered();
    ask('pod', { protocol: 'TCP', to: clusterIps.web[0]!, port: 80 });
    const afterTcp = remembered();
    expect(afterTcp.flows).toEqual(before.flows);
    expect(afterTcp.peers).toHaveLength(before.peers.length + 1);
    ask('pod', { protocol: 'UDP', to: clusterIps.web[0]!, port: 80 });
    const afterUdp = remembered();
    expect(afterUdp.peers).toEqual(afterTcp.peers);
    expect(afterUdp.flows).toHaveLength(before.flows.length + 2);
  });
});

describe('a restart', () => {
  it('keeps serving while no process runs, then follows what changed', async () => {
    const [one, two] = cluster.nodes as [TestNode, TestNode];
    await proxies[0]!.stop();
    expect(ask('pod', { protocol: 'TCP', to: clusterIps.web[0]!, port: 80 }).answer).toContain('node-2');
    serve('web', 30080, one);
    proxies[0] = await startProxy(one);
    expect(ask('pod', { protocol: 'TCP', to: clusterIps.web[0]!, port: 80 }).answer).toContain('node-1');
    serve('web', 30080, two);
  });
});
