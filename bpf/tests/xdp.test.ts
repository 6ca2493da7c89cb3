/** XDP at the uplink: for what it sends on the oracle is tc, which began the connection; all else it leaves as it is. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checksum, pseudoHeaderSum } from '../../src/net/checksum.ts';
import { parseIp } from '../../src/net/ip.ts';
import { formatMac } from '../../src/net/mac.ts';
import type { IpOptions, PacketBuilder } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { neighbour, node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const protocols = ['TCP', 'UDP'] as const;
type Protocol = (typeof protocols)[number];
/** Translated as others are, answered directly, and by a pod of this node. */
const nodePorts = { translated: 30080, direct: 30081, local: 30082 } as const;
const neighbourMac = '02:00:00:00:00:22';
const uplinkMac = '02:00:00:00:00:0e';

let rig: PacketRig;

beforeAll(async () => {
  rig = new PacketRig();
  for (const [index, [name, nodePort]] of Object.entries(nodePorts).entries()) {
    const ports = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
    const clusterIPs = [`10.96.2.${index + 1}`, `fd00:96:2::${index + 1}`];
    const service = testService(name, { type: 'NodePort', clusterIPs, ports });
    const annotations = { 'tendril.dev/service-forwarding': name === 'direct' ? 'dsr' : '' };
    rig.services.set({ ...service, metadata: { ...service.metadata, annotations } });
    for (const family of families)
      rig.slices.set(
        testSlice(name, {
          family,
          ports: protocols.map((protocol) => ({ name: protocol, port: 8080, protocol })),
          endpoints: [
            name === 'local' ? { ip: pod[family], node: 'here' } : { ip: remotePod[family], node: 'there' },
          ],
        }),
      );
  }
  rig.setClusterNodes(node[4], node[6], neighbour[4], neighbour[6]);
  for (const f of families)
    rig.run(`ip neigh replace ${neighbour[f]} lladdr ${neighbourMac} nud permanent dev eth0`);
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

interface Shape {
  flags?: string;
  payload?: number;
  checksum?: number;
  sport?: number;
}

function shaped(builder: PacketBuilder, protocol: Protocol, dport: number, shape: Shape = {}): PacketBuilder {
  const { flags = 'A', payload = 100, checksum, sport = 4000 } = shape;
  const given = checksum === undefined ? {} : { checksum };
  const header =
    protocol === 'TCP' ? builder.tcp(sport, dport, { flags, ...given }) : builder.udp(sport, dport, given);
  return header.payload(Uint8Array.from({ length: payload }, (_, i) => i * 7));
}

const afterEthernet = (bytes: Uint8Array) => Buffer.from(bytes.subarray(14));

/** What XDP makes of it is what tc makes of it, and it goes to the next hop. */
function expectSame(input: PacketBuilder): void {
  const byTc = rig.send('host_ingress', input);
  const byXdp = rig.sendXdp(input);
  expect([byTc.verdict, byXdp.verdict]).toEqual(['redirect', 'redirect']);
  expect(byXdp.text).toBe(byTc.text);
  expect(afterEthernet(byXdp.bytes)).toEqual(afterEthernet(byTc.bytes));
  expect(byXdp.bytes.length).toBe(input.bytes().length);
  const { src, dst } = decodePacket(byXdp.bytes).ethernet!;
  expect([src, dst]).toEqual([uplinkMac, neighbourMac]);
}

function expectUntouched(input: PacketBuilder | Uint8Array): void {
  const bytes = input instanceof Uint8Array ? input : input.bytes();
  const before = rig.connections().map(({ entry }) => entry.packets);
  const out = rig.sendXdp(input);
  expect([out.verdict, Buffer.from(out.bytes)]).toEqual(['pass', Buffer.from(bytes)]);
  expect(rig.connections().map(({ entry }) => entry.packets)).toEqual(before);
}

describe.each(families)('IPv%i', (f) => {
  const ask = (name: keyof typeof nodePorts, protocol: Protocol, shape?: Shape, options?: IpOptions) =>
    shaped(rig.from('uplink').ip(outside[f], node[f], options), protocol, nodePorts[name], shape);
  /** Begins a connection by tc; the port that it got. */
  const begin = (name: keyof typeof nodePorts, protocol: Protocol) =>
    decodePacket(rig.send('host_ingress', ask(name, protocol, { flags: 'S', payload: 0 })).bytes).transport!
      .sport;
  const answer = (protocol: Protocol, sport: number, shape?: Shape) =>
    shaped(rig.from('uplink').ip(remotePod[f], node[f]), protocol, sport, { ...shape, sport: 8080 });

  describe.each(protocols)('%s', (protocol) => {
    it.each([0, 1, 2, 3, 99, 1000])('sends on what tc would, the way there, with %i bytes', (payload) => {
      begin('translated', protocol);
      expectSame(ask('translated', protocol, { payload }));
    });

    it.each([1, 100])('and the way back, with %i bytes', (payload) => {
      expectSame(answer(protocol, begin('translated', protocol), { payload }));
    });

    it('counts what it sends, and what was said', () => {
      begin('translated', protocol);
      rig.sendXdp(ask('translated', protocol, { flags: 'FA' }));
      const [forward] = rig.connections().filter(({ tuple }) => tuple.startsWith(outside[f]));
      expect(forward!.entry.packets).toBe(1n);
      expect(forward!.entry.seen).toBe(protocol === 'TCP' ? 2 | 4 : 0);
    });

    it('keeps a wrong checksum wrong by as much', () => {
      begin('translated', protocol);
      const input = ask('translated', protocol, { checksum: 0x1234 });
      expectSame(input);
      expect(rig.sendXdp(input).text).toContain('BAD CHECKSUM');
    });

    it('a checksum that its sender’s network card was to finish is tc’s', () => {
      const sport = begin('translated', protocol);
      for (const [input, ips] of [
        [ask('translated', protocol), [outside[f], node[f]]],
        [answer(protocol, sport), [remotePod[f], node[f]]],
      ] as const) {
        const bytes = Uint8Array.from(input.bytes());
        const l4 = f === 4 ? 34 : 54;
        const [src, dst] = ips.map((ip) => parseIp(ip)) as [ReturnType<typeof parseIp>, never];
        const number = protocol === 'TCP' ? 6 : 17;
        const sum = pseudoHeaderSum({ src, dst }, number, bytes.length - l4);
        const field = l4 + (protocol === 'TCP' ? 16 : 6);
        new DataView(bytes.buffer).setUint16(field, ~checksum(new Uint8Array(), sum) & 0xffff);
        expectUntouched(bytes);
      }
    });

    it('a connection that tc did not begin is tc’s', () => {
      begin('translated', protocol);
      expectUntouched(ask('translated', protocol, { sport: 4001 }));
    });

    it('what a pod of this node answers is tc’s', () => {
      begin('local', protocol);
      expectUntouched(ask('local', protocol));
    });

    it.each([
      [
        'options or extension headers',
        f === 4 ? { options: Uint8Array.of(1, 1, 1, 0) } : { extensions: ['hopByHop'] },
      ],
      ['a hop limit that ends here', { ttl: 1 }],
      ['a hop limit of none', { ttl: 0 }],
      ['a length that is longer than the frame', { length: 1000 }],
      ['a length that is shorter than the header', { length: f === 4 ? 19 : 3 }],
    ] as [string, IpOptions][])('a packet with %s is tc’s', (_, options) => {
      begin('translated', protocol);
      expectUntouched(ask('translated', protocol, {}, options));
    });

    it('what is too big for its route is tc’s, to the byte', () => {
      begin('translated', protocol);
      const full = 1400 - (f === 4 ? 20 : 40) - (protocol === 'TCP' ? 20 : 8);
      expectSame(ask('translated', protocol, { payload: full }));
      expectUntouched(ask('translated', protocol, { payload: full + 1 }));
    });

    it('fragments are tc’s', () => {
      begin('translated', protocol);
      for (const bytes of ask('translated', protocol).fragments(64)) expectUntouched(bytes);
    });

    it('frames for others, tagged ones, and those from where nobody sends are tc’s', () => {
      begin('translated', protocol);
      const addressed = (options: object, from: string = outside[f]) =>
        shaped(rig.from('uplink', options).ip(from, node[f]), protocol, nodePorts.translated);
      expectUntouched(addressed({ dst: '02:00:00:00:00:77' }));
      expectUntouched(addressed({ vlan: 7 }));
      expectUntouched(addressed({ type: 0x1234 }));
      expectUntouched(addressed({}, node[f]));
    });

    it('a next hop that is not known is asked for by tc', () => {
      begin('translated', protocol);
      rig.run(`ip neigh del ${neighbour[f]} dev eth0`);
      expectUntouched(ask('translated', protocol));
      rig.run(`ip neigh replace ${neighbour[f]} lladdr ${neighbourMac} nud permanent dev eth0`);
      expectSame(ask('translated', protocol));
    });

    it('cut anywhere a packet is tc’s; with bytes behind its end it goes on with them', () => {
      begin('translated', protocol);
      const whole = ask('translated', protocol, { payload: 4 }).bytes();
      for (let length = 14; length < whole.length; length++) expectUntouched(whole.subarray(0, length));
      const padded = Buffer.concat([whole, Buffer.alloc(9, 0xaa)]);
      const out = rig.sendXdp(padded);
      expect([out.verdict, out.bytes.length]).toEqual(['redirect', padded.length]);
      expect(out.text).not.toContain('BAD');
    });
  });

  it('TCP that the backend answers itself is sent on', () => {
    begin('direct', 'TCP');
    expectSame(ask('direct', 'TCP'));
  });

  it('datagrams that the backend answers itself are tc’s, which names in each what it came to', () => {
    begin('direct', 'UDP');
    expectUntouched(ask('direct', 'UDP'));
  });

  it.each(['S', 'SA', 'R', 'RA'])('what begins or resets a connection is tc’s: %s', (flags) => {
    begin('translated', 'TCP');
    expectUntouched(ask('translated', 'TCP', { flags }));
  });

  it('a datagram whose length contradicts its packet’s is tc’s', () => {
    begin('translated', 'UDP');
    const bytes = Uint8Array.from(ask('translated', 'UDP').bytes());
    const at = (f === 4 ? 34 : 54) + 4;
    for (const length of [0, 7, 107, 109, 0xffff]) {
      new DataView(bytes.buffer).setUint16(at, length);
      expectUntouched(bytes);
    }
  });

  it('a datagram flow whose backend serves no more is tc’s to move', async () => {
    begin('translated', 'UDP');
    const slice = rig.slices.list().find(({ metadata, addressType }) => {
      return metadata.labels!['kubernetes.io/service-name'] === 'translated' && addressType === `IPv${f}`;
    })!;
    rig.slices.set({ ...slice, endpoints: [] });
    await rig.sync();
    expectUntouched(ask('translated', 'UDP'));
    rig.slices.set(slice);
    await rig.sync();
  });

  it('ICMP and SCTP are tc’s', () => {
    expectUntouched(rig.from('uplink').ip(outside[f], node[f]).icmp(8, 0));
    expectUntouched(rig.from('uplink').ip(outside[f], node[f]).sctp(4000, nodePorts.translated));
  });

  it('an UDP checksum of none stays none', () => {
    if (f === 6) return;
    begin('translated', 'UDP');
    const out = rig.sendXdp(ask('translated', 'UDP', { checksum: 0 }));
    expect(out.verdict).toBe('redirect');
    expect(new DataView(out.bytes.buffer, out.bytes.byteOffset).getUint16(34 + 6)).toBe(0);
  });
});

it('the uplink’s address is what frames for this node have', () => {
  expect(formatMac(rig.from('uplink').ip(outside[4], node[4]).bytes().slice(0, 6))).toBe(uplinkMac);
});
