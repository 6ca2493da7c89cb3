/** Packets that no honest sender sends, at each entrance: what is not whole is no packet, and lies are passed on as they are. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IpOptions, PacketBuilder } from '../../src/net/packet.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { type Hook, node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const protocols = ['TCP', 'UDP', 'SCTP'] as const;
type Protocol = (typeof protocols)[number];
const clusterIp = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const l4Of = { 4: 34, 6: 54 } as const;
/** Of each transport header: shorter is malformed. */
const headerOf = { TCP: 20, UDP: 8, SCTP: 16 } as const;

let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  // Behind the ClusterIP a pod elsewhere, behind the NodePort one of this node: neither needs a port of the node's.
  const endpoints = { remote: remotePod, local: pod };
  for (const [name, ips, nodePort] of [
    ['remote', clusterIp, undefined],
    ['local', { 4: '10.96.0.2', 6: 'fd00:96::2' }, 30080],
  ] as const) {
    const ports = protocols.map((protocol) => ({
      ...{ name: protocol, port: 80, protocol },
      ...(nodePort && { nodePort }),
    }));
    const type = nodePort ? 'NodePort' : 'ClusterIP';
    rig.services.set(testService(name, { type, clusterIPs: [ips[4], ips[6]], ports }));
    for (const family of families) {
      const slicePorts = protocols.map((protocol) => ({ name: protocol, port: 8080, protocol }));
      const at = { ip: endpoints[name][family], node: name === 'local' ? 'here' : 'there' };
      rig.slices.set(testSlice(name, { family, ports: slicePorts, endpoints: [at] }));
    }
  }
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

const entrances = ['pod', 'uplink'] as const;
type Entrance = (typeof entrances)[number];
const hookOf: Record<Entrance, Hook> = { pod: 'pod_ingress', uplink: 'host_ingress' };

function toService(entrance: Entrance, f: Family, options: IpOptions = {}): PacketBuilder {
  return entrance === 'pod'
    ? rig.from('pod').ip(pod[f], clusterIp[f], options)
    : rig.from('uplink').ip(outside[f], node[f], options);
}

function transport(builder: PacketBuilder, protocol: Protocol, dport: number): PacketBuilder {
  if (protocol === 'TCP') return builder.tcp(4000, dport, { flags: 'S' }).payload('hello');
  if (protocol === 'UDP') return builder.udp(4000, dport).payload('hello');
  return builder.sctp(4000, dport, { chunk: 'INIT' }).payload('hello');
}

const whole = (entrance: Entrance, f: Family, protocol: Protocol, options: IpOptions = {}) =>
  transport(toService(entrance, f, options), protocol, entrance === 'pod' ? 80 : 30080);

type Fate = 'translated' | 'untouched' | 'refused' | 'dropped: malformed' | string;

function fate(entrance: Entrance, f: Family, bytes: Uint8Array): Fate {
  const out = rig.send(hookOf[entrance], bytes);
  if (out.verdict === 'drop') return out.text;
  if (Buffer.from(out.bytes).equals(bytes)) return 'untouched';
  if (out.verdict === 'redirect' && / icmp(v6)? [13]\/[34] /.test(out.text)) return 'refused';
  const backend = { pod: remotePod, uplink: pod }[entrance][f];
  return out.text.includes(`> ${backend}`) || out.text.startsWith('undecodable') ? 'translated' : out.text;
}

/** A pod's packet that is none is dropped; at the uplink the stack does that. */
const malformed: Record<Entrance, Fate> = { pod: 'dropped: malformed', uplink: 'untouched' };

/** What a pod sends to a ClusterIP without a port of its own is refused; the node's own address is the stack's to judge. */
const unserved: Record<Entrance, Fate> = { pod: 'refused', uplink: 'untouched' };

function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

describe.each(entrances)('from the %s', (entrance) => {
  describe.each(families)('IPv%i', (f) => {
    const send = (bytes: Uint8Array) => rig.send(hookOf[entrance], bytes);

    describe.each(protocols)('%s', (protocol) => {
      it('cut at every byte: no packet before its header is whole, and no connection', () => {
        const bytes = whole(entrance, f, protocol).bytes();
        for (let length = l4Of[f]; length < bytes.length; length++) {
          rig.forget();
          const expected = length < l4Of[f] + headerOf[protocol] ? malformed[entrance] : 'translated';
          expect([length, fate(entrance, f, bytes.subarray(0, length))]).toEqual([length, expected]);
          expect(rig.connections()).toHaveLength(expected === 'translated' ? 2 : 0);
        }
      });

      it('with a length that leaves the header out is none, whatever lies behind', () => {
        const header = f === 4 ? 20 : 0;
        for (let length = 0; length < header + headerOf[protocol]; length++) {
          const bytes = whole(entrance, f, protocol, { length }).bytes();
          expect([length, fate(entrance, f, bytes)]).toEqual([length, malformed[entrance]]);
        }
        expect(rig.connections()).toEqual([]);
        expect(fate(entrance, f, whole(entrance, f, protocol).bytes())).toBe('translated');
      });

      it('that says it is longer than it is, is translated: its receiver judges', () => {
        const bytes = whole(entrance, f, protocol, { length: 1400 }).bytes();
        expect(fate(entrance, f, bytes)).toBe('translated');
      });
    });

    /** Changed after the checksums were computed: the same must come out as of the honest one, with the same lie. */
    const lies: [name: string, protocol: Protocol, at: number, ...values: number[]][] = [
      ...[0, 7, 8, 65_535].map((length): (typeof lies)[number] => [
        `a UDP length of ${length}`,
        'UDP',
        4,
        length >> 8,
        length & 0xff,
      ]),
      ...Array.from({ length: 16 }, (_, words): (typeof lies)[number] => [
        `a TCP data offset of ${words}`,
        'TCP',
        12,
        words << 4,
      ]),
      ['a chunk of SCTP longer than the packet', 'SCTP', 14, 0xff, 0xff],
      ['a chunk of SCTP without a length', 'SCTP', 14, 0, 0],
    ];
    it.each(lies)('%s is nobody’s to read', (_, protocol, at, ...values) => {
      const honest = whole(entrance, f, protocol).bytes();
      const expected = send(honest);
      const out = send(patched(honest, l4Of[f] + at, ...values));
      expect(out.verdict).toBe('pass');
      expect(Buffer.from(out.bytes)).toEqual(Buffer.from(patched(expected.bytes, l4Of[f] + at, ...values)));
    });

    describe('fragments', () => {
      const fragment = (offset: number, more: boolean, id = 77): IpOptions => ({
        dontFragment: false,
        fragment: { id, offset, more },
      });
      const piece = (options: IpOptions, protocol: number, bytes: number[]) =>
        toService(entrance, f, { ...options, protocol })
          .payload(Uint8Array.from(bytes))
          .bytes();
      const dport = entrance === 'pod' ? [0, 80] : [30080 >> 8, 30080 & 0xff];
      const ports = [15, 160, ...dport];

      it.each([
        ['TCP', 6, 8],
        ['TCP', 6, 16],
        ['SCTP', 132, 8],
      ] as const)('a tiny first one of %s (%i) with %i bytes is malformed', (_, protocol, size) => {
        const bytes = piece(fragment(0, true), protocol, [...ports, ...new Array(size - 4).fill(0)]);
        expect(fate(entrance, f, bytes)).toBe(malformed[entrance]);
        expect([...rig.map('fragments').entries()]).toEqual([]);
      });

      it('one that lies over the first’s ports goes where the first went', () => {
        const first = piece(fragment(0, true), 17, [...ports, 0, 64, 0, 0, ...new Array(16).fill(1)]);
        expect(fate(entrance, f, first)).toBe('translated');
        const overlap = piece(fragment(8, true), 17, [
          ...ports.slice(0, 2),
          2,
          154,
          ...new Array(12).fill(2),
        ]);
        const out = send(overlap);
        expect(out.text).toContain(`> ${{ pod: remotePod, uplink: pod }[entrance][f]}`);
        expect(rig.connections()).toHaveLength(2);
      });

      it('a second first one with other ports is judged by its own', () => {
        const first = piece(fragment(0, true), 17, [...ports, 0, 64, 0, 0, ...new Array(16).fill(1)]);
        const other = piece(fragment(0, true), 17, [15, 160, 2, 154, 0, 64, 0, 0, ...new Array(16).fill(1)]);
        expect([fate(entrance, f, first), fate(entrance, f, other)]).toEqual([
          'translated',
          unserved[entrance],
        ]);
        // And the rest belongs to the last one, but is no more to be answered.
        const rest = fate(entrance, f, piece(fragment(24, false), 17, [1, 2, 3, 4]));
        expect(rest).toBe({ pod: 'dropped: no service port', uplink: 'untouched' }[entrance]);
      });

      it('one at the end of the largest datagram is like any other', () => {
        const first = piece(fragment(0, true), 17, [...ports, 0, 64, 0, 0, ...new Array(16).fill(1)]);
        const last = piece(fragment(65_528, false), 17, [1, 2, 3, 4, 5, 6, 7]);
        expect([fate(entrance, f, first), fate(entrance, f, last)]).toEqual(['translated', 'translated']);
      });
    });
  });

  describe('IPv4 options', () => {
    it.each([4, 8, 12, 16, 20, 24, 28, 32, 36, 40])('of %i bytes are skipped', (length) => {
      for (const protocol of protocols) {
        const options = new Uint8Array(length).fill(1);
        expect(fate(entrance, 4, whole(entrance, 4, protocol, { options }).bytes())).toBe('translated');
      }
    });

    it.each([6, 10, 15])('that would end behind the packet (%i words) are malformed', (words) => {
      const bytes = patched(toService(entrance, 4).bytes(), 14, 0x40 | words);
      expect(fate(entrance, 4, patched(bytes, 23, 6))).toBe(malformed[entrance]);
    });
  });

  describe('IPv4 addresses in IPv6', () => {
    const mapped = (ip: string) => [...new Array(10).fill(0), 0xff, 0xff, ...ip.split('.').map(Number)];
    const [from, to] = { pod: [pod, clusterIp] as const, uplink: [outside, node] as const }[entrance];
    const [sourceAt, destinationAt] = [22, 38];

    it('are no packet: in the maps they would be IPv4’s', () => {
      for (const protocol of protocols) {
        const bytes = whole(entrance, 6, protocol).bytes();
        const source = patched(bytes, sourceAt, ...mapped(from[4]));
        const destination = patched(bytes, destinationAt, ...mapped(to[4]));
        const both = patched(source, destinationAt, ...mapped(to[4]));
        for (const lie of [source, destination, both])
          expect(fate(entrance, 6, lie)).toBe(malformed[entrance]);
      }
      expect(rig.connections()).toEqual([]);
    });

    it('end no connection of IPv4', () => {
      rig.send(hookOf[entrance], whole(entrance, 4, 'TCP'));
      const before = rig.connections();
      expect(before).toHaveLength(2);
      const dport = { pod: 80, uplink: 30080 }[entrance];
      const reset = rig.from(entrance).ip(from[6], to[6]).tcp(4000, dport, { flags: 'R' }).bytes();
      const lie = patched(reset, sourceAt, ...mapped(from[4]), ...mapped(to[4]));
      expect(fate(entrance, 6, lie)).toBe(malformed[entrance]);
      expect(rig.connections()).toEqual(before);
    });
  });

  describe('IPv6 extension headers', () => {
    const kinds = ['hopByHop', 'routing', 'destination'] as const;
    type Kind = (typeof kinds)[number];
    const orders = (length: number): Kind[][] =>
      length === 0 ? [[]] : orders(length - 1).flatMap((rest) => kinds.map((kind) => [kind, ...rest]));
    const every = [1, 2, 3, 4, 5].flatMap(orders);

    it(`are skipped in any order, also twice the same: ${every.length} ways`, () => {
      for (const extensions of every) {
        for (const protocol of protocols) {
          const bytes = whole(entrance, 6, protocol, { extensions }).bytes();
          expect([extensions, fate(entrance, 6, bytes)]).toEqual([extensions, 'translated']);
        }
      }
    });

    it('more than five hide what follows: a pod has no reason to, and at the uplink that is no Service’s', () => {
      const expected = { pod: 'dropped: extensions', uplink: 'untouched' }[entrance];
      for (const extensions of orders(2).map((two) => [...two, ...two, ...two]))
        for (const protocol of protocols)
          expect(fate(entrance, 6, whole(entrance, 6, protocol, { extensions }).bytes())).toBe(expected);
    });

    it.each([
      ['authentication', 51],
      ['encryption', 50],
      ['mobility', 135],
      ['none', 59],
      ['unknown', 253],
    ])('%s (%i) is not looked into', (_, protocol) => {
      for (const extensions of [[], ['hopByHop' as const]])
        expect(fate(entrance, 6, whole(entrance, 6, 'TCP', { extensions, protocol }).bytes())).toBe(
          unserved[entrance],
        );
    });

    it('that end behind the packet are malformed, at each of their lengths', () => {
      for (const extensions of orders(2)) {
        const bytes = whole(entrance, 6, 'UDP', { extensions }).bytes();
        for (const at of [55, 63])
          for (const length of [1, 2, 7, 31, 255]) {
            const fateOf = fate(entrance, 6, patched(bytes, at, length));
            // One that leaps into the payload may leave bytes that pass for a port: never a Service’s.
            expect([
              unserved[entrance],
              'dropped: no service port',
              'dropped: fragment order',
              malformed[entrance],
            ]).toContain(fateOf);
          }
      }
      expect(rig.connections()).toEqual([]);
    });

    it('a fragment header before others, and two of them', () => {
      const bytes = whole(entrance, 6, 'UDP', {
        extensions: ['destination'],
        fragment: { id: 5, offset: 0, more: true },
      }).bytes();
      expect(fate(entrance, 6, bytes)).toBe('translated');
      // The header before the fragment's becomes another fragment's, of a later one: no ports are known for it.
      const twice = patched(bytes, 20, 44);
      twice.set([44, 0, 0, 8, 0, 0, 0, 9], 54);
      const expected = { pod: 'dropped: fragment order', uplink: 'untouched' }[entrance];
      expect(fate(entrance, 6, twice)).toBe(expected);
    });

    it('cut at every byte: none, and no connection', () => {
      const extensions = ['hopByHop', 'routing', 'destination'] as const;
      const bytes = whole(entrance, 6, 'UDP', { extensions: [...extensions] }).bytes();
      for (let length = 54; length < 54 + 24 + 8; length++)
        expect([length, fate(entrance, 6, bytes.subarray(0, length))]).toEqual([length, malformed[entrance]]);
      expect(rig.connections()).toEqual([]);
    });
  });
});

describe.each(families)('at the uplink, IPv%i', (f) => {
  const entrance = 'uplink';

  it.each([
    ['all', 'ff:ff:ff:ff:ff:ff'],
    ['many', '01:00:5e:00:00:01'],
    ['another', '02:00:00:00:00:33'],
  ])('what is sent to %s on its link goes to no Service, and gets no answer', (_, dst) => {
    for (const to of [node[f], clusterIp[f]]) {
      const at = () => rig.from(entrance, { dst }).ip(outside[f], to);
      for (const protocol of protocols)
        for (const dport of [30080, 80, 81])
          expect(fate(entrance, f, transport(at(), protocol, dport).bytes())).toBe('untouched');
      const ping = at().icmp(f === 4 ? 8 : 128, 0);
      expect(fate(entrance, f, ping.payload('ping').bytes())).toBe('untouched');
    }
    expect(rig.connections()).toEqual([]);
  });

  const martians = {
    4: ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'],
    6: ['::', '::1', 'ff02::1'],
  };
  it.each([...martians[f], node[f]])('a ping of a ClusterIP from %s gets no answer', (from) => {
    const ping = rig.from(entrance).ip(from, clusterIp[f]);
    expect(
      fate(
        entrance,
        f,
        ping
          .icmp(f === 4 ? 8 : 128, 0)
          .payload('ping')
          .bytes(),
      ),
    ).toBe('untouched');
  });
});
