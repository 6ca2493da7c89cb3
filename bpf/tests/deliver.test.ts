/** Into a pod of the node past the node's stack: which packets, and as what they come. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EndpointSlice, Service } from '../../src/kube/types.ts';
import { netnsCookie } from '../../src/linux/bpf/netns-cookie.ts';
import { withNetns } from '../../src/linux/netns/netns.ts';
import { parseIp } from '../../src/net/ip.ts';
import { formatMac, parseMac } from '../../src/net/mac.ts';
import type { PacketBuilder } from '../../src/net/packet.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import type { ServiceProxy } from '../../src/service/service-proxy.ts';
import { TestStore, testService, testSlice } from '../../src/service/testing-objects.ts';
import { at, TestCluster, type TestNode, type TestPod } from './cluster.ts';
import { DatagramSocket } from './datagram-socket.ts';
import { proxyOf } from './node-proxy.ts';
import { hostMac, outside, PacketRig, pod, node as rigNode } from './packet-rig.ts';

const families = [4, 6] as const;
const web = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;

describe('a packet', () => {
  const beside = { 4: '10.244.1.3', 6: 'fd00:244:1::3' } as const;
  const besideMac = '02:00:00:00:00:0b';
  const mtu = 1300;
  let rig: PacketRig;

  beforeAll(async () => {
    rig = new PacketRig();
    const link = { ifindex: rig.podIfindex, mtu, mac: parseMac(besideMac), hostMac: parseMac(hostMac) };
    for (const f of families) {
      const key = layouts.podAddress.encode({ addr: parseIp(beside[f]) });
      rig.map('pod_links').update(key, layouts.podLink.encode(link));
      const endpoints = [{ ip: beside[f], node: 'here' }];
      rig.slices.set(testSlice('web', { family: f, ports: [{ port: 8080 }], endpoints }));
    }
    const ports = [{ port: 80, nodePort: 30080 }];
    rig.services.set(testService('web', { type: 'NodePort', clusterIPs: [web[4], web[6]], ports }));
    await rig.sync();
  });
  beforeEach(() => rig.configure({ pastStack: 1 }));
  afterEach(() => rig.forget());
  afterAll(() => rig.close());

  describe.each(families)('IPv%i', (f) => {
    const header = { 4: 20, 6: 40 }[f];
    const syn = (to: string, options = {}) =>
      rig.from('pod').ip(pod[f], to, options).tcp(4000, 8080, { flags: 'S' });
    const macs = (bytes: Uint8Array) => [bytes.slice(0, 6), bytes.slice(6, 12)].map(formatMac);
    const ofLength = (bytes: number) =>
      rig
        .from('pod')
        .ip(pod[f], beside[f])
        .udp(4000, 53)
        .payload(new Uint8Array(bytes - header - 8));

    it('to a pod of the node comes as by a router: a hop less, between the MACs of the pod’s own link', () => {
      const out = rig.send('pod_ingress', syn(beside[f]));
      expect([out.verdict, out.text]).toEqual([
        'redirect',
        `${pod[f]}|4000 > ${beside[f]}|8080 tcp S ttl 63`,
      ]);
      expect(macs(out.bytes)).toEqual([besideMac, hostMac]);
    });

    it('to a Service goes to its pod of the node, and the answer to the client under the Service’s name', () => {
      const out = rig.send('pod_ingress', rig.from('pod').ip(pod[f], web[f]).tcp(4000, 80, { flags: 'S' }));
      expect([out.verdict, out.text]).toEqual([
        'redirect',
        `${pod[f]}|4000 > ${beside[f]}|8080 tcp S ttl 63`,
      ]);
      expect(macs(out.bytes)).toEqual([besideMac, hostMac]);
    });

    it('to a NodePort from outside goes to its pod of the node', () => {
      const from = rig.from('uplink').ip(outside[f], rigNode[f]).tcp(4000, 30080, { flags: 'S' });
      const out = rig.send('host_ingress', from);
      const text = `${outside[f]}|4000 > ${beside[f]}|8080 tcp S ttl 63`;
      expect([out.verdict, out.text]).toEqual(['redirect', text]);
    });

    it('from outside that nothing translates stays the stack’s: its rules saw the connection’s other packets', () => {
      const from = rig.from('uplink').ip(outside[f], beside[f]).tcp(4000, 8080, { flags: 'S' });
      expect(rig.send('host_ingress', from).verdict).toBe('pass');
    });

    it('as long as the link takes goes past the stack, a longer one by it, which says what it takes', () => {
      expect(rig.send('pod_ingress', ofLength(mtu)).verdict).toBe('redirect');
      const longer = rig.send('pod_ingress', ofLength(mtu + 1));
      expect([longer.verdict, longer.text]).toEqual(['pass', expect.stringContaining('ttl 64')]);
    });

    const stacks: [string, () => PacketBuilder][] = [
      ['at its last hop', () => syn(beside[f], { ttl: 1 })],
      ['that is a fragment', () => syn(beside[f], { fragment: { id: 7, offset: 0, more: true } })],
      ['to a pod elsewhere', () => syn({ 4: '10.244.1.4', 6: 'fd00:244:1::4' }[f])],
      [
        'for another host on the link',
        () => otherHost().ip(pod[f], beside[f]).tcp(4000, 8080, { flags: 'S' }),
      ],
    ];
    const otherHost = () => rig.from('pod', { dst: '02:00:00:00:00:77' });
    it.each(stacks)('%s is left to the stack as it is', (_, build) => {
      const out = rig.send('pod_ingress', build());
      expect(out.verdict).toBe('pass');
      expect(Buffer.from(out.bytes)).toEqual(Buffer.from(build().bytes()));
    });

    it.each([{}, { pastStack: 1, draining: 1 }])('is left to the stack by a node of %j', (config) => {
      rig.configure(config);
      expect(rig.send('pod_ingress', syn(beside[f])).verdict).toBe('pass');
    });
  });
});

describe('on a node', () => {
  const port = 8080;
  let cluster: TestCluster;
  let node: TestNode;
  let server: TestPod;
  let proxy: ServiceProxy;
  const services = new TestStore<Service>();
  const slices = new TestStore<EndpointSlice>();

  beforeAll(async () => {
    cluster = new TestCluster();
    node = cluster.nodes[0]!;
    server = cluster.addPod(node, 3);
    proxy = await proxyOf(node, { services, slices });
    const { ifindex, mac, link, netns } = server;
    const ips = families.map((f) => parseIp(server.ips[f]));
    proxy.attachPod({ ifindex, ips, mac, link, netnsCookie: withNetns(netns, netnsCookie) });
  });
  afterAll(async () => {
    await proxy.cleanup();
    cluster.close();
  });

  /** Packets that the node's stack has forwarded. */
  function forwarded(): number {
    const snmp = cluster.inside(node.path, 'cat /proc/net/snmp /proc/net/snmp6');
    const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Ip: '));
    const v4 = Number(values!.split(' ')[names!.split(' ').indexOf('ForwDatagrams')]);
    return v4 + Number(/^Ip6OutForwDatagrams\s+(\d+)/m.exec(snmp)![1]);
  }

  /** A question and its answer between two pods: packets of them that the node's stack forwarded. */
  function ask(f: 4 | 6, to = { ip: server.ips[f], port }): number {
    using listener = at({ netns: server.netns }, () => new DatagramSocket(f, port));
    using client = at({ netns: node.pod.netns }, () => new DatagramSocket(f));
    const before = forwarded();
    client.send(to.ip, to.port, 'question');
    const { text, ip, port: from } = listener.receive();
    expect([text, ip]).toEqual(['question', node.pod.ips[f]]);
    listener.send(ip, from, 'answer');
    expect(client.receive()).toEqual({ text: 'answer', ...to });
    return forwarded() - before;
  }

  it.each(families)('IPv%i: two pods talk past its stack', (f) => {
    expect(ask(f)).toBe(0);
  });

  it.each(families)(
    'IPv%i: what a rule of the node translates is answered by it, and nothing else',
    async (f) => {
      const table = { 4: 'ip', 6: 'ip6' }[f];
      const target = { 4: `${server.ips[4]}:${port}`, 6: `[${server.ips[6]}]:${port}` }[f];
      cluster.inside(
        node.path,
        `nft add table ${table} test; nft 'add chain ${table} test in { type nat hook prerouting priority dstnat; }'
       nft 'add rule ${table} test in ${table} daddr ${node.ips[f]} udp dport 9000 dnat to ${target}'`,
      );
      // The node asks for the pod's MAC address first, which nothing did that passed its stack.
      await vi.waitFor(() => expect(ask(f, { ip: node.ips[f], port: 9000 })).toBe(2));
      expect(ask(f)).toBe(0);
    },
  );
});
