/** Host ports at the packet hooks: what begins a connection to one, what goes on, and what is none of theirs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../src/net/ip.ts';
import type { PacketBuilder } from '../../src/net/packet.ts';
import { HostPortTable } from '../../src/service/backends/ebpf/host-ports.ts';
import type { HostPort } from '../../src/service/model/host-port.ts';
import { node, outside, PacketRig, pod } from './packet-rig.ts';

const protocols = ['TCP', 'UDP', 'SCTP'] as const;
const hostPort = 8080;

let rig: PacketRig;
let table: HostPortTable;

const ports = protocols.map((protocol): HostPort => ({ hostPort, containerPort: 80, protocol }));
const web = { key: 'web/eth0', name: 'shop/web', ips: [parseIp(pod[4]), parseIp(pod[6])], ports };

beforeAll(() => {
  rig = new PacketRig();
  let epoch = 0;
  table = new HostPortTable({
    map: (name) => rig.map(name),
    nodeAddresses: () => [parseIp(node[4]), parseIp(node[6])],
    nextEpoch: () => ++epoch,
    onClosed: () => {},
  });
});
beforeEach(() => {
  rig.forget();
  table.open(web);
});
afterAll(() => rig.close());

type Way = readonly [protocol: (typeof protocols)[number], family: 4 | 6];
const ways = protocols.flatMap((protocol) => [[protocol, 4] as Way, [protocol, 6] as Way]);

function first(builder: PacketBuilder, [protocol]: Way, [sport, dport]: [number, number]): PacketBuilder {
  if (protocol === 'TCP') return builder.tcp(sport, dport, { flags: 'S' });
  return protocol === 'UDP'
    ? builder.udp(sport, dport).payload('hello')
    : builder.sctp(sport, dport, { chunk: 'INIT' }).payload('hello');
}

function answer(builder: PacketBuilder, [protocol]: Way, [sport, dport]: [number, number]): PacketBuilder {
  if (protocol === 'TCP') return builder.tcp(sport, dport, { flags: 'SA' });
  return protocol === 'UDP'
    ? builder.udp(sport, dport).payload('hello')
    : builder.sctp(sport, dport, { chunk: 'INIT-ACK' }).payload('hello');
}

describe.each(ways)('%s over IPv%s', (...way) => {
  const family = way[1];
  const fromOutside = (to: string = node[family]) => rig.from('uplink').ip(outside[family], to);
  const enter = (dport = hostPort) => rig.send('host_ingress', first(fromOutside(), way, [4000, dport]));

  it('leads to the pod, with the client’s address, and the reply has the node’s', () => {
    const into = enter();
    expect(into.text).toContain(`${outside[family]}|4000 > ${pod[family]}|80 `);
    expect(into.text).not.toContain('BAD');
    const reply = answer(rig.from('pod').ip(pod[family], outside[family]), way, [80, 4000]);
    const back = rig.send('pod_ingress', reply);
    expect([back.verdict, back.text]).toEqual([
      'redirect',
      expect.stringContaining(`${node[family]}|8080 > ${outside[family]}|4000 `),
    ]);
    expect(back.text).not.toContain('BAD');
  });

  it('of the pod to itself comes from the node’s address', () => {
    const out = rig.send(
      'pod_ingress',
      first(rig.from('pod').ip(pod[family], node[family]), way, [4000, hostPort]),
    );
    expect(out.text).toMatch(
      new RegExp(`^${node[family]}\\|\\d+ > ${pod[family].replaceAll('.', '\\.')}\\|80 `),
    );
  });

  it('leaves other ports and loopback’s address on the wire to the stack', () => {
    for (const packet of [
      first(fromOutside(), way, [4000, 8081]),
      first(fromOutside(family === 4 ? '127.0.0.1' : '::1'), way, [4000, hostPort]),
    ]) {
      const out = rig.send('host_ingress', packet);
      expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(packet.bytes())]);
    }
    expect(rig.connections()).toEqual([]);
  });

  it('is the stack’s again once the pod is gone, also for a client that was there before', () => {
    enter();
    table.close(web.key);
    expect(enter().text).toContain(`> ${node[family]}|8080 `);
  });

  it('leads to the next pod, also for a client that was there before', () => {
    enter();
    table.close(web.key);
    const other = { 4: '10.244.1.3', 6: 'fd00:244:1::3' };
    const next = { ...web, key: 'next/eth0', ips: [parseIp(other[4]), parseIp(other[6])] };
    table.open(next);
    expect(enter().text).toContain(`> ${other[family]}|80 `);
    table.close(next.key);
  });
});

it.each([4, 6] as const)('a connection of a listener of the node’s goes on, IPv%s', (family) => {
  for (const flags of ['A', 'PA', 'FA', 'SA', 'R']) {
    const packet = rig.from('uplink').ip(outside[family], node[family]).tcp(4000, hostPort, { flags });
    expect(Buffer.from(rig.send('host_ingress', packet).bytes)).toEqual(Buffer.from(packet.bytes()));
  }
  expect(rig.connections()).toEqual([]);
});
