/** Direct return as tables: at the node that a client comes to, and at the backend's; a packet in, what comes out. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../../src/net/ip.ts';
import { datagram, type IpOptions, type PacketBuilder } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { protocolNumbers } from '../../src/net/protocol.ts';
import { conntrackFlags, layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { neighbour, node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];
const protocols = ['TCP', 'UDP', 'SCTP'] as const;
type Protocol = (typeof protocols)[number];
/** Balanced to a pod elsewhere, and to one of this node. */
const farAddress = { 4: '203.0.113.20', 6: '2001:db8:ffff::20' } as const;
const nearAddress = { 4: '203.0.113.21', 6: '2001:db8:ffff::21' } as const;
const farPort = 30100;
const nearPort = 30101;
const optionSize = { 4: 8, 6: 24 } as const;

let rig: PacketRig;

interface Shape {
  address: { 4: string; 6: string };
  nodePort: number;
  backend: { 4: string; 6: string };
  annotations?: Record<string, string>;
  ranges?: string[];
  /** Absent: of no node. */
  on: string | undefined;
}

function serve(name: string, { address, nodePort, backend, annotations, ranges, on }: Shape): void {
  const ports = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
  const service = testService(name, {
    type: 'LoadBalancer',
    clusterIPs: [`10.96.1.${nodePort - 30_000}`, `fd00:96:1::${nodePort - 30_000}`],
    ports,
    ...(ranges && { loadBalancerSourceRanges: ranges }),
  });
  const ingress = families.map((f) => ({ ip: address[f], ipMode: 'VIP' }));
  rig.services.set({
    ...service,
    metadata: { ...service.metadata, annotations: annotations ?? direct },
    status: { loadBalancer: { ingress } },
  });
  for (const family of families)
    rig.slices.set(
      testSlice(name, {
        family,
        ports: protocols.map((protocol) => ({ name: protocol, port: 8080, protocol })),
        endpoints: [{ ip: backend[family], ...(on !== undefined && { node: on }) }],
      }),
    );
}

const direct = { 'tendril.dev/service-forwarding': 'dsr' };
const far: Shape = { address: farAddress, nodePort: farPort, backend: remotePod, on: 'there' };
const near: Shape = { address: nearAddress, nodePort: nearPort, backend: pod, on: 'here' };

beforeAll(async () => {
  rig = new PacketRig();
  serve('far', far);
  serve('near', near);
  rig.setClusterNodes(node[4], node[6], neighbour[4], neighbour[6]);
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

interface Segment {
  sport?: number;
  flags?: string;
  payload?: string;
}

function transport(builder: PacketBuilder, protocol: Protocol, dport: number, segment: Segment = {}) {
  const { sport = 4000, flags = 'S', payload = '' } = segment;
  if (protocol === 'TCP') return builder.tcp(sport, dport, { flags }).payload(payload);
  if (protocol === 'UDP') return builder.udp(sport, dport).payload(payload || 'question');
  return builder.sctp(sport, dport, { chunk: flags === 'S' ? 'INIT' : 'DATA' }).payload(payload || 'hello');
}

const words = { TCP: 'tcp S', UDP: 'udp', SCTP: 'sctp INIT' } as const;

/** The option that names a frontend, as dsr_tell() writes it. */
function option(f: Family, address: string, port: number): Uint8Array {
  const name = [port >> 8, port & 0xff, ...parseIp(address).bytes];
  return f === 4 ? Uint8Array.of(0x1e, 8, ...name) : Uint8Array.of(1, 0, 0x1e, 18, ...name);
}

function withOption(f: Family, bytes: Uint8Array): IpOptions {
  return f === 4 ? { options: bytes } : { extensions: ['destination'], extensionOptions: bytes };
}

/** What the packet that came out names, or undefined. */
function named(f: Family, bytes: Uint8Array): string | undefined {
  const { extraLength } = decodePacket(bytes).ip!;
  if (extraLength === 0) return undefined;
  expect(extraLength).toBe(optionSize[f]);
  const at = f === 4 ? 14 + 20 + 2 : 14 + 40 + 6;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const address = bytes.subarray(at + 2, at + (f === 4 ? 6 : 18));
  const text = formatIp({ family: f, bytes: address } as never);
  expect(Buffer.from(bytes.subarray(at - (f === 4 ? 2 : 4), at + 2 + address.length))).toEqual(
    Buffer.from(option(f, text, view.getUint16(at))),
  );
  return `${text}|${view.getUint16(at)}`;
}

describe.each(families)('IPv%i', (f) => {
  const fromOutside = (to: string, options: IpOptions = {}) => rig.from('uplink').ip(outside[f], to, options);
  const lengthOf = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint16(f === 4 ? 16 : 18) + (f === 4 ? 0 : 40);

  describe.each(protocols)('%s, where the client comes to', (protocol) => {
    const asked = (segment?: Segment) => transport(fromOutside(node[f]), protocol, farPort, segment);

    it('only the destination is written, and the backend’s node is told what it was', () => {
      const input = asked().bytes();
      const out = rig.send('host_ingress', input);
      expect([out.verdict, out.text]).toEqual([
        'redirect',
        `${outside[f]}|4000 > ${remotePod[f]}|8080 ${words[protocol]} ttl 63`,
      ]);
      expect(named(f, out.bytes)).toBe(`${node[f]}|${farPort}`);
      expect(out.bytes.length).toBe(input.length + optionSize[f]);
      expect(lengthOf(out.bytes)).toBe(out.bytes.length - 14);
      const [only, ...others] = rig.connections();
      expect(others).toEqual([]);
      expect(only!.entry.flags).toBe(conntrackFlags.CONNTRACK_DSR | conntrackFlags.CONNTRACK_REDIRECT);
    });

    it('so too from a load balancer’s address', () => {
      const out = rig.send('host_ingress', transport(fromOutside(farAddress[f]), protocol, 80));
      expect(out.text).toContain(`${outside[f]}|4000 > ${remotePod[f]}|8080`);
      expect(named(f, out.bytes)).toBe(`${farAddress[f]}|80`);
    });

    it('what opens a connection and is sent again is told again, to the same backend', () => {
      const first = rig.send('host_ingress', asked());
      const second = rig.send('host_ingress', asked());
      expect(Buffer.from(second.bytes)).toEqual(Buffer.from(first.bytes));
      expect(rig.connections()).toHaveLength(1);
    });

    it('what goes on is not told, but for datagrams', () => {
      rig.send('host_ingress', asked());
      const out = rig.send('host_ingress', asked({ flags: 'A', payload: 'x'.repeat(64) }));
      expect([out.verdict, out.text.split(' ').slice(0, 3).join(' ')]).toEqual([
        'redirect',
        `${outside[f]}|4000 > ${remotePod[f]}|8080`,
      ]);
      expect(out.text).not.toContain('BAD');
      expect(named(f, out.bytes)).toBe(protocol === 'UDP' ? `${node[f]}|${farPort}` : undefined);
    });

    it('a first packet without room for the name is translated as others are, and its connection stays so', () => {
      const full = 1400 - (f === 4 ? 20 : 40) - { TCP: 20, UDP: 8, SCTP: 16 }[protocol];
      const out = rig.send('host_ingress', asked({ payload: 'x'.repeat(full) }));
      expect([out.verdict, named(f, out.bytes)]).toEqual(['redirect', undefined]);
      expect(out.text).toMatch(new RegExp(`^${node[f]}\\|\\d{5} > ${remotePod[f]}\\|8080`));
      expect(rig.connections()).toHaveLength(2);
      expect(rig.send('host_ingress', asked()).text).toContain(`${node[f]}|`);
    });

    it('one byte of room too little, and enough', () => {
      const full = 1400 - (f === 4 ? 20 : 40) - { TCP: 20, UDP: 8, SCTP: 16 }[protocol];
      const fits = Math.floor((full - optionSize[f]) / 4) * 4;
      const enough = rig.send('host_ingress', asked({ payload: 'x'.repeat(fits) }));
      expect(named(f, enough.bytes)).toBe(`${node[f]}|${farPort}`);
      rig.forget();
      const little = rig.send('host_ingress', asked({ payload: 'x'.repeat(fits + 4) }));
      expect(named(f, little.bytes)).toBeUndefined();
    });

    it('packets with options or extension headers of their own are translated as others are', () => {
      const own: IpOptions = f === 4 ? { options: Uint8Array.of(1, 1, 1, 0) } : { extensions: ['hopByHop'] };
      const out = rig.send('host_ingress', transport(fromOutside(node[f], own), protocol, farPort));
      expect(out.text).toContain(`${node[f]}|`);
      expect(decodePacket(out.bytes).ip!.extraLength).toBe(f === 4 ? 4 : 8);
    });

    it('a client that is a node is translated, since its node may run the backend', () => {
      const builder = rig.from('uplink').ip(neighbour[f], node[f]);
      expect(rig.send('host_ingress', transport(builder, protocol, farPort)).text).toContain(`${node[f]}|`);
    });

    it('the node’s own pods come to it untranslated in their source, by the stack', () => {
      const builder = rig.from('pod').ip(pod[f], farAddress[f]);
      const out = rig.send('pod_ingress', transport(builder, protocol, 80));
      expect([out.verdict, named(f, out.bytes)]).toEqual(['pass', undefined]);
      expect(out.text).toContain(`${pod[f]}|4000 > ${remotePod[f]}|8080`);
    });

    it('a wrong checksum stays wrong', () => {
      const bytes = asked().bytes();
      bytes[bytes.length - 1]! ^= 0x55;
      expect(rig.send('host_ingress', bytes).text).toContain('BAD CHECKSUM');
    });
  });

  describe.each(protocols)('%s, at the backend’s node', (protocol) => {
    const told = (segment?: Segment, name: readonly [string, number] = [neighbour[f], nearPort]) =>
      transport(fromOutside(pod[f], withOption(f, option(f, ...name))), protocol, 8080, segment);
    const answer = (sport = 4000) => {
      const builder = rig.from('pod').ip(pod[f], outside[f]);
      if (protocol === 'TCP') return builder.tcp(8080, sport, { flags: 'SA' });
      if (protocol === 'UDP') return builder.udp(8080, sport).payload('answer');
      return builder.sctp(8080, sport, { chunk: 'INIT-ACK' }).payload('hello');
    };
    const answered = { TCP: 'tcp SA', UDP: 'udp', SCTP: 'sctp INIT-ACK' }[protocol];

    it('the pod gets the packet as its client sent it, and its answer leaves under the name', () => {
      const out = rig.send('host_ingress', told());
      expect([out.verdict, out.text, named(f, out.bytes)]).toEqual([
        'pass',
        `${outside[f]}|4000 > ${pod[f]}|8080 ${words[protocol]} ttl 64`,
        undefined,
      ]);
      expect(lengthOf(out.bytes)).toBe(out.bytes.length - 14);
      expect(rig.connections()).toHaveLength(2);
      const reply = rig.send('pod_ingress', answer());
      expect([reply.verdict, reply.text]).toEqual([
        'redirect',
        `${neighbour[f]}|${nearPort} > ${outside[f]}|4000 ${answered} ttl 63`,
      ]);
    });

    it('so too for the address of a load balancer', () => {
      rig.send('host_ingress', told({}, [nearAddress[f], 80]));
      expect(rig.send('pod_ingress', answer()).text).toContain(`${nearAddress[f]}|80 > ${outside[f]}|4000`);
    });

    it('what the first node makes is what this one takes', () => {
      serve('far', { ...far, backend: pod });
      const made = rig.send('host_ingress', transport(fromOutside(node[f]), protocol, farPort));
      serve('far', far);
      expect(made.text).toContain(`> ${remotePod[f]}|8080`);
      const bytes = Uint8Array.from(made.bytes);
      const theirs = transport(
        rig
          .from('uplink')
          .ip(outside[f], remotePod[f], { ttl: 63, ...withOption(f, option(f, node[f], farPort)) }),
        protocol,
        8080,
      ).bytes();
      // But for the Ethernet header and IPv4's id.
      expect(Buffer.from(bytes.subarray(14))).toEqual(Buffer.from(theirs.subarray(14)));
    });

    it('what goes on without a name is the connection’s', () => {
      rig.send('host_ingress', told());
      const more = transport(fromOutside(pod[f]), protocol, 8080, { flags: 'A', payload: 'more' });
      const out = rig.send('host_ingress', more);
      expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(more.bytes())]);
      const forward = rig.connections().find(({ tuple }) => tuple.startsWith(outside[f]))!;
      expect(forward.entry.packets).toBe(2n);
    });

    it.each([
      ['an address that no node has', stranger[f], nearPort],
      ['a port that the destination does not serve', neighbour[f], farPort],
      ['a port that nobody serves', neighbour[f], 30999],
      ['the load balancer of another backend', farAddress[f], 80],
      ['a ClusterIP', f === 4 ? '10.96.1.101' : 'fd00:96:1::101', 80],
    ])('%s is not believed', (_, address, port) => {
      expect(rig.send('host_ingress', told({}, [address, port])).text).toBe('dropped: direct return');
      expect(rig.connections()).toEqual([]);
    });

    it('a pod that names a frontend is dropped', () => {
      const forged = rig.from('pod').ip(pod[f], remotePod[f], withOption(f, option(f, node[f], farPort)));
      expect(rig.send('pod_ingress', transport(forged, protocol, 8080)).text).toBe('dropped: direct return');
    });

    it('another name does not take a connection over, until that has ended', () => {
      const other = told({}, [nearAddress[f], 80]);
      rig.send('host_ingress', told());
      rig.send('host_ingress', transport(fromOutside(pod[f]), protocol, 8080, { flags: 'A' }));
      const out = rig.send('host_ingress', other);
      // Datagrams have no beginning: the last name counts.
      if (protocol === 'UDP') {
        expect(out.verdict).toBe('pass');
        expect(rig.send('pod_ingress', answer()).text).toContain(`${nearAddress[f]}|80 >`);
        return;
      }
      expect(out.text).toBe('dropped: direct return');
      expect(rig.send('pod_ingress', answer()).text).toContain(`${neighbour[f]}|${nearPort} >`);
      if (protocol === 'SCTP') return;
      rig.send('host_ingress', transport(fromOutside(pod[f]), protocol, 8080, { flags: 'FA' }));
      rig.send('pod_ingress', rig.from('pod').ip(pod[f], outside[f]).tcp(8080, 4000, { flags: 'FA' }));
      expect(rig.send('host_ingress', other).verdict).toBe('pass');
      expect(rig.send('pod_ingress', answer()).text).toContain(`${nearAddress[f]}|80 >`);
    });

    it('a name that somebody forged is forgotten when the backend answers as one that has the connection already', () => {
      if (protocol !== 'TCP') return;
      const own = (flags: string) => rig.from('pod').ip(pod[f], outside[f]).tcp(8080, 4000, { flags });
      for (const forged of ['S', 'A', 'PA', 'FA'])
        for (const flags of ['A', 'PA', 'FA']) {
          rig.send('host_ingress', told({ flags: forged }));
          expect(rig.connections()).toHaveLength(2);
          const out = rig.send('pod_ingress', own(flags));
          expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(own(flags).bytes())]);
          expect(rig.connections()).toEqual([]);
        }
      // A closed port's answer has the name, as has all that follows a SYN of the backend's.
      rig.send('host_ingress', told());
      expect(rig.send('pod_ingress', own('RA')).text).toContain(`${neighbour[f]}|${nearPort} >`);
      rig.send('host_ingress', told());
      for (const flags of ['SA', 'A', 'PA', 'FA', 'R'])
        expect(rig.send('pod_ingress', own(flags)).text).toContain(`${neighbour[f]}|${nearPort} >`);
    });

    it('in every length it passes, is dropped or is no packet', () => {
      const whole = told().bytes();
      for (let length = f === 4 ? 34 : 54; length < whole.length; length++) {
        rig.forget();
        const out = rig.send('host_ingress', whole.subarray(0, length));
        expect(['pass', 'drop']).toContain(out.verdict);
        const header = (f === 4 ? 34 : 54) + optionSize[f];
        if (length < header) expect([out.bytes.length, rig.connections()]).toEqual([length, []]);
      }
    });
  });

  describe('an option of another form is nobody’s, and stays', () => {
    const good = (): Uint8Array => option(f, neighbour[f], nearPort);
    const changed = (at: number, value: number) => {
      const bytes = good();
      bytes[at] = value;
      return bytes;
    };
    const start = f === 4 ? 0 : 2;
    it.each([
      ['another type', () => withOption(f, changed(start, 0x3e))],
      ['a length too short', () => withOption(f, changed(start + 1, f === 4 ? 7 : 17))],
      ['a length too long', () => withOption(f, changed(start + 1, f === 4 ? 9 : 19))],
      ['a length of zero', () => withOption(f, changed(start + 1, 0))],
      ['more behind it', () => withOption(f, Uint8Array.of(...good(), ...new Uint8Array(f === 4 ? 4 : 8)))],
      ...(f === 4
        ? []
        : ([
            ['in a hop-by-hop header', () => ({ extensions: ['hopByHop'], extensionOptions: good() })],
            ['in a routing header', () => ({ extensions: ['routing'], extensionOptions: good() })],
          ] as [string, () => IpOptions][])),
    ] as [string, () => IpOptions][])('%s', (_, options) => {
      const builder = fromOutside(pod[f], options()).udp(4000, 8080).payload('question');
      const out = rig.send('host_ingress', builder);
      expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(builder.bytes())]);
      expect(rig.connections()).toEqual([]);
    });

    it('in a first fragment and in a later one', () => {
      const builder = fromOutside(pod[f], withOption(f, good())).udp(4000, 8080).payload('z'.repeat(200));
      for (const bytes of builder.fragments(64, 7)) {
        const out = rig.send('host_ingress', bytes);
        expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(bytes)]);
      }
      expect(rig.connections()).toEqual([]);
    });
  });

  it('the name is in the family of the packet: a v4-mapped address in IPv6 is not believed', () => {
    if (f === 4) return;
    const mapped = Uint8Array.of(1, 0, 0x1e, 18, nearPort >> 8, nearPort & 0xff);
    const address = Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, ...parseIp(neighbour[4]).bytes);
    const options = withOption(6, Uint8Array.of(...mapped, ...address));
    const out = rig.send('host_ingress', fromOutside(pod[6], options).udp(4000, 8080));
    expect(out.text).toBe('dropped: direct return');
  });

  it('fragments of a first datagram are translated as others are; of a known flow they go on', () => {
    const big = () => fromOutside(node[f]).udp(4000, farPort).payload('z'.repeat(200));
    const [first, second] = big()
      .fragments(64, 9)
      .map((bytes) => rig.send('host_ingress', bytes));
    expect(first!.text).toContain(`${node[f]}|`);
    expect(second!.text).toContain(`${node[f]} > ${remotePod[f]} udp fragment 64`);
    rig.forget();
    rig.send('host_ingress', fromOutside(node[f]).udp(4000, farPort).payload('question'));
    const parts = big()
      .fragments(64, 10)
      .map((bytes) => rig.send('host_ingress', bytes));
    expect(parts[0]!.text).toContain(`${outside[f]}|4000 > ${remotePod[f]}|8080 udp fragment 0+`);
    expect(parts[1]!.text).toContain(`${outside[f]} > ${remotePod[f]} udp fragment 64`);
  });

  it('a datagram too big for the name goes without, once the flow is known', () => {
    const datagramOf = (size: number) => fromOutside(node[f]).udp(4000, farPort).payload('x'.repeat(size));
    rig.send('host_ingress', datagramOf(10));
    const out = rig.send('host_ingress', datagramOf(1400 - (f === 4 ? 28 : 48)));
    expect([out.verdict, named(f, out.bytes)]).toEqual(['redirect', undefined]);
    expect(out.text).toContain(`${outside[f]}|4000 > ${remotePod[f]}|8080 udp`);
  });

  it('a datagram flow whose backend goes moves; what was TCP’s stays', async () => {
    const other = f === 4 ? '10.244.2.9' : 'fd00:244:2::9';
    const udp = () => rig.send('host_ingress', fromOutside(node[f]).udp(4000, farPort).payload('question'));
    const tcp = () => rig.send('host_ingress', fromOutside(node[f]).tcp(4001, farPort, { flags: 'A' }));
    expect(udp().text).toContain(`> ${remotePod[f]}|8080`);
    expect(tcp().text).toContain(`> ${remotePod[f]}|8080`);
    serve('far', { ...far, backend: { ...remotePod, [f]: other } });
    await rig.sync();
    expect(udp().text).toContain(`${outside[f]}|4000 > ${other}|8080`);
    expect(tcp().text).toContain(`${outside[f]}|4001 > ${remotePod[f]}|8080`);
    serve('far', far);
    await rig.sync();
  });

  it('a Service that gives it up has its flows translated from then on; open connections go on', async () => {
    const udp = () => rig.send('host_ingress', fromOutside(node[f]).udp(4000, farPort).payload('question'));
    const tcp = (flags: string) =>
      rig.send('host_ingress', fromOutside(node[f]).tcp(4001, farPort, { flags })).text;
    udp();
    tcp('S');
    serve('far', { ...far, annotations: {} });
    await rig.sync();
    expect(udp().text).toContain(`${node[f]}|`);
    expect(tcp('A')).toContain(`${outside[f]}|4001 > ${remotePod[f]}|8080`);
    expect(tcp('S')).toContain(`${node[f]}|`);
    serve('far', far);
    await rig.sync();
  });

  it('an endpoint that no node of the cluster runs is reached as others are', async () => {
    serve('far', { ...far, on: undefined });
    await rig.sync();
    expect(rig.send('host_ingress', fromOutside(node[f]).tcp(4000, farPort, { flags: 'S' })).text).toContain(
      `${node[f]}|`,
    );
    serve('far', far);
    await rig.sync();
  });

  it('source ranges are judged at both nodes', async () => {
    serve('far', { ...far, ranges: [f === 4 ? '198.51.100.0/24' : '2001:db8:1::/48'] });
    serve('near', { ...near, ranges: [f === 4 ? '198.51.100.0/24' : '2001:db8:1::/48'] });
    await rig.sync();
    const asked = fromOutside(farAddress[f]).tcp(4000, 80, { flags: 'S' });
    expect(rig.send('host_ingress', asked).text).toBe('dropped: source ranges');
    const told = fromOutside(pod[f], withOption(f, option(f, nearAddress[f], 80)));
    expect(rig.send('host_ingress', told.tcp(4000, 8080, { flags: 'S' })).text).toBe(
      'dropped: source ranges',
    );
    serve('far', far);
    serve('near', near);
    await rig.sync();
  });

  describe('ICMP errors', () => {
    const router = { 4: '198.51.100.1', 6: '2001:db8:1::1' }[f];
    const tooBig = f === 4 ? ([3, 4] as const) : ([2, 0] as const);
    const unreachable = f === 4 ? ([3, 3] as const) : ([1, 4] as const);

    it('about a reply come to the first node, which sends them on to the backend', () => {
      rig.send('host_ingress', fromOutside(node[f]).tcp(4000, farPort, { flags: 'S' }));
      const about = datagram().ip(node[f], outside[f], { ttl: 60 }).tcp(farPort, 4000);
      const error = rig
        .from('uplink')
        .ip(router, node[f])
        .icmp(tooBig[0], tooBig[1], { rest: 1300 })
        .quote(about);
      const out = rig.send('host_ingress', error);
      expect([out.verdict, out.text.replace(/ A ttl 60\]$/, ']')]).toEqual([
        'redirect',
        `${router} > ${remotePod[f]} ${f === 4 ? 'icmp' : 'icmpv6'} ${tooBig.join('/')} ttl 63 [${remotePod[f]}|8080 > ${outside[f]}|4000 tcp]`,
      ]);
      expect(decodePacket(out.bytes).icmp!.rest).toBe(1300);
    });

    it('then come to the backend’s node, which gives them to the pod', () => {
      const told = fromOutside(pod[f], withOption(f, option(f, neighbour[f], nearPort)));
      rig.send('host_ingress', told.tcp(4000, 8080, { flags: 'S' }));
      const about = datagram().ip(pod[f], outside[f], { ttl: 60 }).tcp(8080, 4000);
      const error = rig
        .from('uplink')
        .ip(router, pod[f])
        .icmp(tooBig[0], tooBig[1], { rest: 1300 })
        .quote(about);
      const out = rig.send('host_ingress', error);
      expect(out.text).toContain(`${router} > ${pod[f]} `);
      expect(out.text).toContain(`[${pod[f]}|8080 > ${outside[f]}|4000 tcp`);
      expect(out.text).not.toContain('BAD');
    });

    it.each([
      ['of the backend itself', 'pod_ingress', pod[f]],
      ['of its node', 'host_egress', node[f]],
    ] as const)('%s about a client’s packet name what the client came to', (_, hook, source) => {
      const told = fromOutside(pod[f], withOption(f, option(f, neighbour[f], nearPort)));
      rig.send('host_ingress', told.udp(4000, 8080).payload('question'));
      const about = datagram().ip(outside[f], pod[f], { ttl: 60 }).udp(4000, 8080);
      const from = hook === 'pod_ingress' ? rig.from('pod') : rig.from('uplink');
      const out = rig.send(
        hook,
        from.ip(source, outside[f]).icmp(unreachable[0], unreachable[1]).quote(about),
      );
      expect(out.text).toContain(`[${outside[f]}|4000 > ${neighbour[f]}|${nearPort} udp`);
      expect(out.text).toContain(`${source === pod[f] ? neighbour[f] : source} > ${outside[f]}`);
      expect(out.text).not.toContain('BAD');
    });

    it('of the first node quote what its client sent', () => {
      rig.send('host_ingress', fromOutside(node[f]).tcp(4000, farPort, { flags: 'S' }));
      const ended = fromOutside(node[f], { ttl: 1 }).tcp(4000, farPort, { flags: 'S' });
      const out = rig.send('host_ingress', ended);
      expect(out.text).toContain(`${node[f]} > ${outside[f]}`);
      expect(out.text).toContain(`[${outside[f]}|4000 > ${node[f]}|${farPort} tcp`);
      expect(out.text).not.toContain('BAD');
    });
  });
});

const stranger = { 4: '10.99.9.9', 6: 'fd00:99::9' } as const;

it('the map of direct returns holds this node’s endpoints alone, NodePorts under no address', () => {
  const keys = [...rig.map('direct_returns').entries()].map(([key]) => layouts.directKey.decode(key));
  const texts = keys.map(
    (key) => `${key.proto} ${formatIp(key.frontend)}|${key.frontendPort} ${formatIp(key.backend)}`,
  );
  expect(texts.sort()).toEqual(
    protocols
      .flatMap((protocol) =>
        families.flatMap((f) => [
          `${protocolNumbers[protocol]} ${f === 4 ? '0.0.0.0' : '::'}|${nearPort} ${pod[f]}`,
          `${protocolNumbers[protocol]} ${nearAddress[f]}|80 ${pod[f]}`,
        ]),
      )
      .sort(),
  );
});
