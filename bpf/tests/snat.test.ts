/** Source ports of the node's address: few of them, and whose connection gives its own to a new one. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TcpOptions } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const clusterIps = {
  web: { 4: '10.96.0.1', 6: 'fd00:96::1' },
  twin: { 4: '10.96.0.2', 6: 'fd00:96::2' },
} as const;
const protocols = ['TCP', 'UDP', 'SCTP'] as const;
const ports = { first: 60_000, last: 60_003 };

let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  for (const [name, ips] of Object.entries(clusterIps)) {
    const nodePort = name === 'web' ? 30080 : 30081;
    const servicePorts = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
    rig.services.set(
      testService(name, { type: 'NodePort', clusterIPs: [ips[4], ips[6]], ports: servicePorts }),
    );
    for (const family of families) {
      const endpoints = [{ ip: remotePod[family], node: 'there' }];
      const slicePorts = protocols.map((protocol) => ({ name: protocol, port: 8080, protocol }));
      rig.slices.set(testSlice(name, { family, ports: slicePorts, endpoints }));
    }
  }
  await rig.sync();
  const config = layouts.nodeConfig.decode(rig.map('node_config').lookup(new Uint8Array(4))!);
  rig
    .map('node_config')
    .update(
      new Uint8Array(4),
      layouts.nodeConfig.encode({ ...config, snatFirst: ports.first, snatLast: ports.last }),
    );
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

describe.each(families)('IPv%i', (f) => {
  const ask = (client: number) =>
    rig.from('uplink').ip(outside[f], node[f], { ttl: 60 }).tcp(client, 30080, syn);
  const syn = { flags: 'S', seq: 1000 };
  /** The port that a client's packet leaves from, or why it does not. */
  const begin = (packet = ask(4000)) => {
    const out = rig.send('host_ingress', packet);
    return out.verdict === 'drop' ? out.text : decodePacket(out.bytes).transport!.sport;
  };
  const back = () => rig.from('uplink').ip(remotePod[f], node[f]);
  const fill = () => {
    const taken = [1, 2, 3, 4].map((client) => begin(ask(client)));
    expect(new Set(taken).size).toBe(4);
    expect(begin(ask(5))).toBe('dropped: snat exhausted');
    return taken as number[];
  };
  const client = (port: number, flags: string, seq = 1001) =>
    rig.send(
      'host_ingress',
      rig.from('uplink').ip(outside[f], node[f]).tcp(port, 30080, { flags, seq, ack: 5001 }),
    );
  const server = (sport: number, flags: string, seq = 5001) =>
    rig.send('host_ingress', back().tcp(8080, sport, { flags, seq, ack: 1001 }));

  it('that are all taken keep others out, until a connection has been closed by both', () => {
    const taken = fill();
    client(2, 'FA');
    expect(begin(ask(6))).toBe('dropped: snat exhausted');
    server(taken[1]!, 'FA');
    expect(begin(ask(6))).toBe(taken[1]);
    expect(rig.connections()).toHaveLength(8);
    // The one that it was taken from is no more: its client's packets begin anew, and find nothing.
    expect(client(2, 'A').text).toBe('dropped: snat exhausted');
    expect(server(taken[1]!, 'SA').text).toContain(`${node[f]}|30080 > ${outside[f]}|6 tcp`);
    expect(client(6, 'A').text).toContain(`${node[f]}|${taken[1]} > ${remotePod[f]}|8080`);
  });

  it('are free at once after a reset of either side, and not after a stranger’s', () => {
    const taken = fill();
    for (const [i, port] of taken.entries()) {
      server(port, 'SA', 5000);
      client(i + 1, 'A');
    }
    server(taken[0]!, 'R', 0x4000_0000);
    expect(begin(ask(7))).toBe('dropped: snat exhausted');
    server(taken[0]!, 'R', 5001);
    expect(begin(ask(7))).toBe(taken[0]);
    client(3, 'R');
    expect(begin(ask(8))).toBe(taken[2]);
  });

  describe('of connections that a server closed first, which it still knows', () => {
    /** As Linux writes them into a SYN, and into all others. */
    const stamp = (value: number, isSyn: boolean) => {
      const bytes = Uint8Array.from(
        isSyn
          ? [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7]
          : [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0],
      );
      new DataView(bytes.buffer).setUint32(isSyn ? 8 : 4, value);
      return bytes;
    };
    const to = (port: number, options: TcpOptions) =>
      rig.from('uplink').ip(outside[f], node[f]).tcp(port, 30080, options);
    /** Four of them, whose clients' clocks tell the given; all begun before the first is closed, whose port another might get. */
    const closed = (stamps: (number | undefined)[]) => {
      const optionsOf = (value: number | undefined, isSyn: boolean) =>
        value === undefined ? {} : { options: stamp(value, isSyn) };
      const taken = stamps.map(
        (value, i) => begin(to(i + 1, { ...syn, ...optionsOf(value, true) })) as number,
      );
      for (const [i, value] of stamps.entries()) {
        server(taken[i]!, 'FA');
        rig.send(
          'host_ingress',
          to(i + 1, { flags: 'FA', seq: 1001, ack: 5001, ...optionsOf(value, false) }),
        );
      }
      return taken;
    };

    it('go to one whose timestamp it takes for a newer one, whatever the sequence numbers', () => {
      const taken = closed([1000, 0x9000_0000, 3000, 4000]);
      const options = stamp(2000, true);
      expect(begin(to(9, { flags: 'S', seq: 0x8000_0000, options }))).toSatisfy(
        (port) => port === taken[0] || port === taken[1],
      );
    });

    it('go to one whose sequence number it takes for a later one, without timestamps', () => {
      const taken = closed([undefined, 5, 6, 7]);
      expect(begin(to(9, { flags: 'S', seq: 2000, options: stamp(4, true) }))).toBe(taken[0]);
    });

    it('stay the client’s own when it comes again, where it is welcome', () => {
      const taken = closed([1000, 2000, 3000, 4000]);
      for (let i = 1; i < 10; i++)
        expect(begin(to(2, { flags: 'S', seq: 7, options: stamp(2000 + i, true) }))).toBe(taken[1]);
      server(taken[1]!, 'A', 5002);
      client(2, 'R', 1001);
      expect(begin(to(2, { flags: 'S', seq: 7, options: stamp(1, true) }))).toBe(taken[1]);
    });
  });

  it('of datagrams are free once a lone question was answered', () => {
    const question = (port: number) => rig.from('uplink').ip(outside[f], node[f]).udp(port, 30080);
    const taken = [1, 2, 3, 4].map((port) => begin(question(port)) as number);
    expect(begin(question(5))).toBe('dropped: snat exhausted');
    const age = () => {
      const map = rig.map('conntrack');
      for (const [key, value] of map.entries()) {
        const entry = layouts.conntrackEntry.decode(value);
        map.update(
          key,
          layouts.conntrackEntry.encode({ ...entry, lastSeen: entry.lastSeen - 3_000_000_000n }),
        );
      }
    };
    age();
    expect(begin(question(5))).toBe('dropped: snat exhausted');
    // Two questions are a conversation.
    rig.send('host_ingress', question(1));
    for (const port of taken.slice(0, 2)) rig.send('host_ingress', back().udp(8080, port));
    expect(begin(question(5))).toBe('dropped: snat exhausted');
    age();
    expect(begin(question(5))).toBe(taken[1]);
    expect(begin(question(6))).toBe('dropped: snat exhausted');
  });

  it('of associations are free once these are shut down', () => {
    const init = (port: number) =>
      rig.from('uplink').ip(outside[f], node[f]).sctp(port, 30080, { chunk: 'INIT' });
    const taken = [1, 2, 3, 4].map((port) => begin(init(port)) as number);
    expect(begin(init(5))).toBe('dropped: snat exhausted');
    rig.send('host_ingress', back().sctp(8080, taken[3]!, { chunk: 'ABORT' }));
    expect(begin(init(5))).toBe(taken[3]);
  });

  describe('a pod’s port that comes to one backend by two Services', () => {
    const open = (name: keyof typeof clusterIps) => {
      const to = rig.from('pod').ip(pod[f], clusterIps[name][f]).tcp(4000, 80, syn);
      return rig.send('pod_ingress', to).text;
    };
    const answer = (flags: string, seq: number) =>
      rig.send(
        'pod_egress',
        rig.from('pod').ip(remotePod[f], pod[f]).tcp(8080, 4000, { flags, seq, ack: 1001 }),
      );
    const goOn = (name: keyof typeof clusterIps, flags: string) =>
      rig.send(
        'pod_ingress',
        rig.from('pod').ip(pod[f], clusterIps[name][f]).tcp(4000, 80, { flags, seq: 1001, ack: 5001 }),
      );

    it('is told apart by the node’s address while both go on', () => {
      expect(open('web')).toContain(`${pod[f]}|4000 > ${remotePod[f]}|8080`);
      answer('SA', 5000);
      goOn('web', 'A');
      expect(open('twin')).toContain(`${node[f]}|6000`);
      expect(rig.connections()).toHaveLength(4);
    });

    it('stays the pod’s own once the earlier connection is over', () => {
      open('web');
      answer('SA', 5000);
      goOn('web', 'FA');
      answer('FA', 5001);
      expect(open('twin')).toContain(`${pod[f]}|4000 > ${remotePod[f]}|8080`);
      expect(rig.connections()).toHaveLength(2);
      expect(answer('SA', 9000).text).toContain(`${clusterIps.twin[f]}|80 > ${pod[f]}|4000`);
    });
  });
});
