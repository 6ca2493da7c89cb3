/** The packet hooks as tables: a packet in, its verdict and the packet that comes out. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatIp } from '../../src/net/ip.ts';
import { datagram } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { serviceSnatPorts } from '../../src/net/ports.ts';
import { layouts } from '../../src/service/backends/ebpf/generated/layouts.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const web = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const self = { 4: '10.96.0.2', 6: 'fd00:96::2' } as const;
const none = { 4: '10.96.0.3', 6: 'fd00:96::3' } as const;
const balanced = { 4: '203.0.113.10', 6: '2001:db8:ffff::10' } as const;
const stranger = { 4: '10.99.9.9', 6: 'fd00:99::9' } as const;
/** The kernel runs no program on less than an IP header (since 6.18, in bpf_prog_test_run_skb). */
const shortest = { 4: 14 + 20, 6: 14 + 40 } as const;
const unreachable = { 4: [3, 3], 6: [1, 4] } as const;

let rig: PacketRig;

function serve(
  name: string,
  ips: { 4: string; 6: string },
  nodePort: number,
  endpoints?: { 4: string; 6: string },
) {
  const protocols = ['TCP', 'UDP'] as const;
  const clusterIPs = [ips[4], ips[6]];
  const ports = protocols.map((protocol) => ({ name: protocol, port: 80, protocol, nodePort }));
  rig.services.set(testService(name, { type: 'NodePort', clusterIP: ips[4], clusterIPs, ports }));
  for (const family of families) {
    const local = endpoints === pod;
    rig.slices.set(
      testSlice(name, {
        family,
        ports: protocols.map((protocol) => ({ name: protocol, port: 8080, protocol })),
        endpoints: endpoints ? [{ ip: endpoints[family], node: local ? 'here' : 'there' }] : [],
      }),
    );
  }
}

beforeAll(async () => {
  rig = new PacketRig();
  serve('web', web, 30080, remotePod);
  serve('self', self, 30081, pod);
  serve('none', none, 30082);
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig.close());

/** A load balancer's address for the backend of `web`, with the ranges that are let in. */
function balance(ranges: string[]): void {
  const ports = transports.map((t) => ({ name: t, port: 80, protocol: t.toUpperCase() as 'TCP' | 'UDP' }));
  const service = testService('balanced', {
    ...{ type: 'LoadBalancer', clusterIPs: ['10.96.0.9', 'fd00:96::9'], ports },
    loadBalancerSourceRanges: ranges,
  });
  const ingress = families.map((f) => ({ ip: balanced[f], ipMode: 'VIP' }));
  rig.services.set({ ...service, status: { loadBalancer: { ingress } } });
  for (const family of families) {
    const endpoints = [{ ip: remotePod[family], node: 'there' }];
    const slicePorts = ports.map((port) => ({ ...port, port: 8080 }));
    rig.slices.set(testSlice('balanced', { family, ports: slicePorts, endpoints }));
  }
}

/** A client's packet to a frontend, by protocol. */
const transports = ['tcp', 'udp'] as const;

describe.each(families)('IPv%i', (f) => {
  const fromPod = (to: string, options = {}) => rig.from('pod').ip(pod[f], to, options);
  const fromOutside = (to: string, options = {}) => rig.from('uplink').ip(outside[f], to, options);

  describe.each(transports)('%s', (t) => {
    const flags = t === 'tcp' ? ' S' : '';
    const first = (builder: ReturnType<typeof fromPod>, dport: number) =>
      t === 'tcp' ? builder.tcp(4000, dport, { flags: 'S' }) : builder.udp(4000, dport).payload('question');
    const port = (bytes: Uint8Array, side: 'sport' | 'dport') => decodePacket(bytes).transport![side];

    it('a pod’s packet to a ClusterIP gets the backend’s address; the reply the ClusterIP’s', () => {
      const out = rig.send('pod_ingress', first(fromPod(web[f]), 80));
      expect([out.verdict, out.text]).toEqual([
        'pass',
        `${pod[f]}|4000 > ${remotePod[f]}|8080 ${t}${flags} ttl 64`,
      ]);
      const answer = rig.from('pod').ip(remotePod[f], pod[f]);
      const reply = t === 'tcp' ? answer.tcp(8080, 4000, { flags: 'SA' }) : answer.udp(8080, 4000);
      expect(rig.send('pod_egress', reply).text).toContain(`${web[f]}|80 > ${pod[f]}|4000 ${t}`);
      expect(rig.send('pod_egress', reply).text).not.toContain('BAD');
    });

    it('a NodePort’s packet for a remote backend leaves from the node’s address, and its reply comes back', () => {
      const out = rig.send('host_ingress', first(fromOutside(node[f]), 30080));
      const sport = port(out.bytes, 'sport');
      expect(sport).toBeGreaterThanOrEqual(serviceSnatPorts.first);
      expect([out.verdict, out.text]).toEqual([
        'redirect',
        `${node[f]}|${sport} > ${remotePod[f]}|8080 ${t}${flags} ttl 63`,
      ]);
      const answer = rig.from('uplink').ip(remotePod[f], node[f]);
      const reply = t === 'tcp' ? answer.tcp(8080, sport, { flags: 'SA' }) : answer.udp(8080, sport);
      const back = rig.send('host_ingress', reply);
      expect(back.verdict).toBe('redirect');
      expect(back.text).toBe(`${node[f]}|30080 > ${outside[f]}|4000 ${t}${t === 'tcp' ? ' SA' : ''} ttl 63`);
    });

    it('a NodePort’s packet for a local backend keeps the client’s address', () => {
      const out = rig.send('host_ingress', first(fromOutside(node[f]), 30081));
      expect([out.verdict, out.text]).toEqual([
        'pass',
        `${outside[f]}|4000 > ${pod[f]}|8080 ${t}${flags} ttl 64`,
      ]);
    });

    it('a pod that reaches itself by a Service gets the node’s address as the source', () => {
      const out = rig.send('pod_ingress', first(fromPod(self[f]), 80));
      expect(out.verdict).toBe('redirect');
      expect(out.text).toMatch(
        new RegExp(`^${node[f]}\\|[56]\\d{4} > ${pod[f].replaceAll('.', '\\.')}\\|8080`),
      );
      expect(out.text).not.toContain('BAD');
    });

    it('comes to a load balancer’s address from its source ranges only, and goes on when they change', async () => {
      const enter = (from: string) =>
        rig.send('host_ingress', first(rig.from('uplink').ip(from, balanced[f]), 80)).text;
      const inside = { 4: '198.51.100.77', 6: '2001:db8:1:2::3' }[f];
      const alone = { 4: '192.0.2.44', 6: '2001:db8:9::44' }[f];
      const one = f === 4 ? `${alone}/32` : `${alone}/128`;
      const other = f === 4 ? '192.0.2.45' : '2001:db8:9::45';
      balance(['198.51.100.0/24', '2001:db8:1::/48', one]);
      await rig.sync();
      expect(enter(inside)).toContain(`> ${remotePod[f]}|8080`);
      expect(enter(alone)).toContain(`> ${remotePod[f]}|8080`);
      expect([enter(outside[f]), enter(other)]).toEqual(Array(2).fill('dropped: source ranges'));
      expect(rig.send('pod_ingress', first(fromPod(balanced[f]), 80)).text).toBe('dropped: source ranges');
      balance(['203.0.113.0/24', '2001:db8:ffff::/48']);
      await rig.sync();
      const more = first(rig.from('uplink').ip(inside, balanced[f]), 80);
      expect(rig.send('host_ingress', more).text).toContain(`> ${remotePod[f]}|8080`);
      rig.forget();
      expect(enter(inside)).toBe('dropped: source ranges');
      expect(rig.map('source_ranges').entries().next().done).toBe(false);
      balance([]);
      await rig.sync();
      expect(enter(outside[f])).toContain(`> ${remotePod[f]}|8080`);
      expect([...rig.map('source_ranges').entries()]).toEqual([]);
    });

    it('follows its connection, and begins anew when it was forgotten', () => {
      const one = rig.send('host_ingress', first(fromOutside(node[f]), 30080));
      const two = rig.send('host_ingress', first(fromOutside(node[f]), 30080));
      expect(port(two.bytes, 'sport')).toBe(port(one.bytes, 'sport'));
      expect(rig.connections()).toHaveLength(2);
    });

    it('keeps a wrong checksum wrong by as much', () => {
      const builder = fromPod(web[f]);
      const bad =
        t === 'tcp' ? builder.tcp(1, 80, { checksum: 0x1234 }) : builder.udp(1, 80, { checksum: 0x1234 });
      expect(rig.send('pod_ingress', bad).text).toContain('BAD CHECKSUM');
    });

    it('a first packet of every length passes or is dropped, nothing else', () => {
      const whole = first(fromPod(web[f]), 80).bytes();
      for (let length = shortest[f]; length < whole.length; length++) {
        const out = rig.send('pod_ingress', whole.subarray(0, length));
        expect(out.bytes.length).toBe(length);
        if (length < (f === 4 ? 34 : 54) + (t === 'tcp' ? 14 : 4))
          expect(out.text).toBe('dropped: malformed');
      }
    });
  });

  it('what is no Service passes untouched', () => {
    for (const builder of [fromPod(stranger[f]).tcp(1, 80), fromPod(stranger[f]).icmp(8, 0)]) {
      const out = rig.send('pod_ingress', builder);
      expect(out.verdict).toBe('pass');
      expect(Buffer.from(out.bytes)).toEqual(Buffer.from(builder.bytes()));
    }
  });

  it('a SYN without endpoints is answered by RST that acknowledges it', () => {
    const out = rig.send('pod_ingress', fromPod(none[f]).tcp(4000, 80, { flags: 'S', seq: 99 }));
    expect([out.verdict, out.text]).toEqual(['redirect', `${none[f]}|80 > ${pod[f]}|4000 tcp RA ttl 64`]);
    expect(decodePacket(out.bytes).transport).toMatchObject({ seq: 0, ack: 100 });
  });

  it('a segment without endpoints is answered by RST at the sequence it expects; RST by nothing', () => {
    const out = rig.send(
      'host_ingress',
      fromOutside(node[f]).tcp(4000, 30082, { flags: 'PA', ack: 77 }).payload('x'),
    );
    expect(out.text).toBe(`${node[f]}|30082 > ${outside[f]}|4000 tcp R ttl 64`);
    expect(decodePacket(out.bytes).transport).toMatchObject({ seq: 77 });
    const reset = fromOutside(node[f]).tcp(4000, 30082, { flags: 'R' });
    expect(Buffer.from(rig.send('host_ingress', reset).bytes)).toEqual(Buffer.from(reset.bytes()));
  });

  it('a SYN-ACK begins no connection, whatever address it goes to', () => {
    const out = rig.send('pod_ingress', fromPod(web[f]).tcp(4000, 80, { flags: 'SA' }));
    expect([out.verdict, rig.connections()]).toEqual(['pass', []]);
  });

  it('a datagram without endpoints is answered by ICMP port unreachable that quotes it', () => {
    const out = rig.send('pod_ingress', fromPod(none[f]).udp(4000, 80).payload('question'));
    const icmp = `${f === 4 ? 'icmp' : 'icmpv6'} ${unreachable[f].join('/')}`;
    expect([out.verdict, out.text]).toEqual([
      'redirect',
      `${none[f]}> ${pod[f]} ${icmp} ttl 64 [${pod[f]}|4000 > ${none[f]}|80 udp ttl 64]`.replace('>', ' >'),
    ]);
  });

  it('a pod’s packet from another address or MAC is dropped', () => {
    expect(rig.send('pod_ingress', rig.from('pod').ip(stranger[f], web[f]).tcp(1, 80)).text).toBe(
      'dropped: source address',
    );
    const other = rig.from('pod', { src: '02:00:00:00:00:99' }).ip(pod[f], web[f]).tcp(1, 80);
    expect(rig.send('pod_ingress', other).text).toBe('dropped: source mac');
  });

  it('all fragments of a datagram go where its first goes', () => {
    const parts = fromPod(web[f]).udp(4000, 80).payload('z'.repeat(200)).fragments(80, 7);
    const texts = parts.map((part) => rig.send('pod_ingress', part).text);
    const name = f === 4 ? `${pod[f]} > ${remotePod[f]} udp` : `${pod[f]} > ${remotePod[f]} udp`;
    expect(texts).toEqual([
      `${pod[f]}|4000 > ${remotePod[f]}|8080 udp fragment 0+ ttl 64`,
      `${name} fragment 80+ ttl 64`,
      `${name} fragment 160 ttl 64`,
    ]);
  });

  it('a fragmented datagram’s checksum is right once it is whole again', () => {
    const whole = fromPod(web[f]).udp(4000, 80).payload('z'.repeat(100));
    const parts = whole.fragments(64, 8).map((part) => rig.send('pod_ingress', part).bytes);
    const expected = rig
      .from('pod')
      .ip(pod[f], remotePod[f])
      .udp(4000, 8080)
      .payload('z'.repeat(100))
      .bytes();
    const l4 = 14 + (f === 4 ? 20 : 48);
    const joined = Buffer.concat(parts.map((part) => part.subarray(l4)));
    expect(joined).toEqual(Buffer.from(expected.subarray(14 + (f === 4 ? 20 : 40))));
  });

  it('a connection goes on over maps of another size, before anything is written to them', () => {
    const fromClient = () => fromOutside(node[f]).tcp(4000, 30080, { flags: 'A' });
    const begun = rig.send('host_ingress', fromOutside(node[f]).tcp(4000, 30080, { flags: 'S' }));
    const { sport } = decodePacket(begun.bytes).transport!;
    const before = rig.send('host_ingress', fromClient()).text;
    rig.resize({ conntrack: 1000, frontends: 1000, backends: 1000, slots: 1000, endpoints: 100 });
    expect(rig.send('host_ingress', fromClient()).text).toBe(before);
    const reply = rig.from('uplink').ip(remotePod[f], node[f]).tcp(8080, sport, { flags: 'SA' });
    expect(rig.send('host_ingress', reply).text).toContain(`${node[f]}|30080 > ${outside[f]}|4000`);
    const another = fromOutside(node[f]).tcp(4001, 30080, { flags: 'S' });
    expect(rig.send('host_ingress', another).text).toContain(`> ${remotePod[f]}|8080`);
    expect(rig.send('pod_ingress', fromPod(web[f]).tcp(4002, 80)).text).toContain(`> ${remotePod[f]}|8080`);
    rig.resize({});
  });

  it('a fragment with a forged source changes nothing for those of the pod it names', () => {
    const forged = rig.from('uplink').ip(pod[f], web[f]).udp(4000, 666).payload('z'.repeat(100));
    const [bad] = forged.fragments(64, 10);
    const [first, later] = fromPod(web[f]).udp(4000, 80).payload('z'.repeat(100)).fragments(64, 10);
    rig.send('pod_ingress', first!);
    expect(rig.send('pod_ingress', bad!).verdict).toBe('drop');
    expect(rig.send('pod_ingress', later!).text).toContain(`${pod[f]} > ${remotePod[f]} udp fragment`);
  });

  it('a later fragment whose first was not seen is dropped on its way to a ClusterIP', () => {
    const later = (to: string) => fromPod(to).udp(4000, 80).payload('z'.repeat(100)).fragments(64, 9)[1]!;
    expect(rig.send('pod_ingress', later(web[f])).text).toBe('dropped: fragment order');
    expect(
      rig.send(
        'host_ingress',
        rig.from('uplink').ip(outside[f], node[f]).udp(1, 2).payload('z'.repeat(100)).fragments(64, 9)[1]!,
      ).verdict,
    ).toBe('pass');
    const out = rig.send('pod_ingress', later(remotePod[f]));
    expect([out.verdict, Buffer.from(out.bytes).equals(later(remotePod[f]))]).toEqual(['pass', true]);
  });
});

/** Errors about translated packets: the one that gets them knows its own packet only. */
describe.each(families)('ICMP errors, IPv%i', (f) => {
  const errors = {
    'fragmentation needed': f === 4 ? ([3, 4] as const) : ([2, 0] as const),
    'port unreachable': unreachable[f],
    'time exceeded': f === 4 ? ([11, 0] as const) : ([3, 0] as const),
  };
  const router = { 4: '198.51.100.1', 6: '2001:db8:1::1' }[f];
  const icmp = f === 4 ? 'icmp' : 'icmpv6';
  const sent = (src: string, dst: string) => datagram().ip(src, dst, { ttl: 60 });
  const keeps = { '8 bytes of transport': f === 4 ? 28 : 48, 'all of it': undefined };

  describe.each(Object.entries(errors))('%s', (_, [type, code]) => {
    describe.each(Object.entries(keeps))('quoting %s', (_, keep) => {
      it('reach a pod about its packet to a ClusterIP', () => {
        rig.send('pod_ingress', rig.from('pod').ip(pod[f], web[f]).udp(4000, 80).payload('question'));
        const about = sent(pod[f], remotePod[f]).udp(4000, 8080).payload('question');
        const error = rig.from('pod').ip(router, pod[f]).icmp(type, code, { rest: 1300 }).quote(about, keep);
        const out = rig.send('pod_egress', error);
        expect([out.verdict, out.text]).toEqual([
          'pass',
          `${router} > ${pod[f]} ${icmp} ${type}/${code} ttl 64 [${pod[f]}|4000 > ${web[f]}|80 udp ttl 60]`,
        ]);
        expect(decodePacket(out.bytes).icmp!.rest).toBe(1300);
      });

      it.each(transports)(
        'reach an outside client about its %s packet that left from the node’s address',
        (t) => {
          const asked = rig.from('uplink').ip(outside[f], node[f]);
          const first = rig.send(
            'host_ingress',
            t === 'tcp' ? asked.tcp(4000, 30080) : asked.udp(4000, 30080),
          );
          const { sport } = decodePacket(first.bytes).transport!;
          const flags = t === 'tcp' ? (keep === undefined ? ' A' : ' ') : '';
          const leaving = sent(node[f], remotePod[f]);
          const about = t === 'tcp' ? leaving.tcp(sport, 8080) : leaving.udp(sport, 8080);
          const error = rig.from('uplink').ip(router, node[f]).icmp(type, code).quote(about, keep);
          const out = rig.send('host_ingress', error);
          expect([out.verdict, out.text]).toEqual([
            'redirect',
            `${router} > ${outside[f]} ${icmp} ${type}/${code} ttl 63 [${outside[f]}|4000 > ${node[f]}|30080 ${t}${flags} ttl 60]`,
          ]);
        },
      );

      it('reach a remote backend about its reply, from the node', () => {
        const asked = rig.from('uplink').ip(outside[f], node[f]).udp(4000, 30080);
        const { sport } = decodePacket(rig.send('host_ingress', asked).bytes).transport!;
        const about = sent(node[f], outside[f]).udp(30080, 4000);
        const error = rig.from('uplink').ip(router, node[f]).icmp(type, code).quote(about, keep);
        const out = rig.send('host_ingress', error);
        expect(out.text).toBe(
          `${node[f]} > ${remotePod[f]} ${icmp} ${type}/${code} ttl 63 [${remotePod[f]}|8080 > ${node[f]}|${sport} udp ttl 60]`,
        );
      });
    });
  });

  it('of the backend itself come from the frontend', () => {
    rig.send('host_ingress', rig.from('uplink').ip(outside[f], node[f]).udp(4000, 30081));
    const about = sent(outside[f], pod[f]).udp(4000, 8080);
    const [type, code] = unreachable[f];
    const out = rig.send('pod_ingress', rig.from('pod').ip(pod[f], outside[f]).icmp(type, code).quote(about));
    expect(out.text).toContain(`${node[f]} > ${outside[f]} ${icmp}`);
    expect(out.text).toContain(`[${outside[f]}|4000 > ${node[f]}|30081 udp`);
    expect(out.text).not.toContain('BAD');
  });

  it('about what was not translated, and cut ones, pass untouched', () => {
    const about = sent(pod[f], remotePod[f]).udp(4000, 8080).payload('question');
    const error = rig.from('pod').ip(router, pod[f]).icmp(errors['time exceeded'][0], 0).quote(about).bytes();
    expect(Buffer.from(rig.send('pod_egress', error).bytes)).toEqual(Buffer.from(error));
    rig.send('pod_ingress', rig.from('pod').ip(pod[f], web[f]).udp(4000, 80).payload('question'));
    const transport = 14 + 2 * (f === 4 ? 20 : 40) + 8;
    for (let length = shortest[f]; length < transport + 4; length++) {
      const out = rig.send('pod_egress', error.subarray(0, length));
      expect([out.verdict, Buffer.from(out.bytes).equals(error.subarray(0, length))]).toEqual(['pass', true]);
    }
  });

  it('answer a packet that would be too big where the node sends it on by itself, with the MTU', () => {
    const big = rig.from('uplink').ip(outside[f], node[f]).udp(4000, 30080).payload('x'.repeat(1440));
    const out = rig.send('host_ingress', big);
    const [type, code] = errors['fragmentation needed'];
    expect([out.verdict, out.text]).toEqual([
      'redirect',
      `${node[f]} > ${outside[f]} ${icmp} ${type}/${code} ttl 64 [${outside[f]}|4000 > ${node[f]}|30080 udp ttl 64]`,
    ]);
    expect(decodePacket(out.bytes).icmp!.rest).toBe(1400);
  });

  it('that the node sends quote all that fits: 576 bytes of IPv4 (RFC 1812), 1280 of IPv6 (RFC 4443)', () => {
    const header = f === 4 ? 20 : 40;
    const most = f === 4 ? 576 : 1280;
    for (const length of [0, 1, 2, 3, 5, 88, 95, 96, 97, 447, 520, 521, 1183, 1184, 1185, 1300]) {
      const asked = rig
        .from('pod')
        .ip(pod[f], none[f])
        .udp(4000, 80)
        .payload('abcdefghijklm'.repeat(100).slice(0, length));
      const out = rig.send('pod_ingress', asked);
      expect(out.text).toMatch(f === 4 ? /icmp 3\/3/ : /icmpv6 1\/4/);
      expect(out.text.replace(/\[.*/, '')).not.toContain('BAD');
      const quoted = Buffer.from(out.bytes).subarray(14 + header + 8);
      const whole = Buffer.from(asked.bytes()).subarray(14);
      expect(quoted.length).toBe(Math.min(whole.length, most - header - 8));
      expect(quoted.equals(whole.subarray(0, quoted.length))).toBe(true);
    }
  });

  it('that the node sends quote neither what lies behind the packet’s end nor what it only claims', () => {
    const header = f === 4 ? 20 : 40;
    const asked = rig.from('pod').ip(pod[f], none[f]).udp(4000, 80).payload('question').bytes();
    const padded = Uint8Array.from([...asked, ...new Uint8Array(20).fill(9)]);
    const lying = Uint8Array.from(asked);
    lying[f === 4 ? 17 : 19] = 200;
    for (const bytes of [padded, lying])
      expect(rig.send('pod_ingress', bytes).bytes.length - header - 8).toBe(asked.length);
  });

  it.each([0, 1])('answer a packet whose hop limit of %i ends here', (ttl) => {
    const out = rig.send(
      'host_ingress',
      rig.from('uplink').ip(outside[f], node[f], { ttl }).tcp(4000, 30080),
    );
    const [type, code] = errors['time exceeded'];
    expect(out.text).toContain(
      `${node[f]} > ${outside[f]} ${icmp} ${type}/${code} ttl 64 [${outside[f]}|4000`,
    );
    expect(out.text).not.toContain('BAD');
  });

  it('are never answered by errors', () => {
    const asked = rig.from('uplink').ip(outside[f], node[f]).udp(4000, 30080);
    const { sport } = decodePacket(rig.send('host_ingress', asked).bytes).transport!;
    const about = sent(node[f], remotePod[f]).udp(sport, 8080);
    const error = rig
      .from('uplink')
      .ip(router, node[f], { ttl: 1 })
      .icmp(unreachable[f][0], unreachable[f][1])
      .quote(about);
    expect(rig.send('host_ingress', error).text).toBe('dropped: ttl');
  });
});

describe.each(families)('session affinity, IPv%i', (f) => {
  const sticky = { 4: '10.96.0.9', 6: 'fd00:96::9' } as const;
  const members = {
    4: ['10.244.2.11', '10.244.2.12', '10.244.2.13'],
    6: ['fd00:244:2::11', 'fd00:244:2::12', 'fd00:244:2::13'],
  };
  const serveSticky = async (ips: string[], timeoutSeconds = 60) => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds } };
    const ports = [{ port: 80, nodePort: 30089 }] as never;
    const clusterIPs = [sticky[4], sticky[6]];
    rig.services.set(
      testService('sticky', {
        type: 'NodePort',
        clusterIPs,
        ports,
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig,
      }),
    );
    const endpoints = ips.map((ip) => ({ ip, node: 'there' }));
    rig.slices.set(testSlice('sticky', { family: f, ports: [{ port: 8080 }], endpoints }));
    await rig.sync();
  };
  let sport = 10_000;
  /** Where a new connection of a client goes. */
  const connect = (client: string) => {
    const out = rig.send(
      'host_ingress',
      rig.from('uplink').ip(client, node[f]).tcp(sport++, 30089, { flags: 'S' }),
    );
    return formatIp(decodePacket(out.bytes).ip!.dst);
  };
  const connections = (client: string, count = 30) =>
    [...new Set(Array.from({ length: count }, () => connect(client)))].sort();
  const clients = Array.from({ length: 30 }, (_, i) => (f === 4 ? `192.0.2.${i + 1}` : `2001:db8::${i + 1}`));

  it('keeps a client on its backend, and spreads clients', async () => {
    await serveSticky(members[f]);
    for (const client of clients) expect(connections(client, 5)).toHaveLength(1);
    expect([...new Set(clients.map(connect))].sort()).toEqual(members[f]);
  });

  it('moves a client only when its own backend goes', async () => {
    await serveSticky(members[f]);
    const before = clients.map(connect);
    const left = members[f].slice(1);
    await serveSticky(left);
    const after = clients.map(connect);
    before.forEach((backend, i) => {
      if (backend === members[f][0]) expect(left).toContain(after[i]);
      else expect(after[i]).toBe(backend);
    });
  });

  /** Lets ns pass for all that is known of clients. */
  const age = (ns: bigint) => {
    const map = rig.map('affinities');
    for (const [key, value] of map.entries()) {
      const known = layouts.affinity.decode(value);
      map.update(key, layouts.affinity.encode({ ...known, lastUsed: known.lastUsed - ns }));
    }
  };

  it('forgets a client that stayed away for longer than the timeout', async () => {
    await serveSticky(members[f], 60);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      seen.add(connect(clients[0]!));
      age(61_000_000_000n);
    }
    expect([...seen].sort()).toEqual(members[f]);
  });

  it('keeps one that connects on another CPU after the clock was read', async () => {
    await serveSticky(members[f], 60);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      seen.add(connect(clients[0]!));
      age(-1_000_000_000n);
    }
    expect([...seen]).toHaveLength(1);
  });
});

describe.each(families)('externalTrafficPolicy Local, IPv%i', (f) => {
  const local = { 4: '10.96.0.10', 6: 'fd00:96::10' } as const;
  const serveLocal = async (...endpoints: { ip: string; node: string }[]) => {
    const clusterIPs = [local[4], local[6]];
    const ports = [{ port: 80, nodePort: 30090 }] as never;
    rig.services.set(
      testService('local', { type: 'NodePort', clusterIPs, ports, externalTrafficPolicy: 'Local' }),
    );
    rig.slices.set(testSlice('local', { family: f, ports: [{ port: 8080 }], endpoints }));
    await rig.sync();
  };
  const here = { ip: pod[f], node: 'here' };
  const there = { ip: remotePod[f], node: 'there' };
  const ask = () => rig.from('uplink').ip(outside[f], node[f]).tcp(4000, 30090, { flags: 'S' });

  it('gives outsiders this node’s endpoint, and it their own address', async () => {
    await serveLocal(there, here);
    for (let i = 0; i < 10; i++) {
      rig.forget();
      expect(rig.send('host_ingress', ask()).text).toBe(`${outside[f]}|4000 > ${pod[f]}|8080 tcp S ttl 64`);
    }
  });

  it('gives outsiders silence where all endpoints are elsewhere, so that a load balancer tries another node', async () => {
    await serveLocal(there);
    expect(rig.send('host_ingress', ask()).text).toBe('dropped: no endpoints in scope');
  });

  it('lets the node’s own pods reach endpoints anywhere', async () => {
    await serveLocal(there);
    const out = rig.send('pod_ingress', rig.from('pod').ip(pod[f], node[f]).tcp(4000, 30090, { flags: 'S' }));
    expect(out.text).toContain(`> ${remotePod[f]}|8080`);
  });

  it('refuses where there is no endpoint at all', async () => {
    await serveLocal();
    expect(rig.send('host_ingress', ask()).text).toContain('tcp RA');
  });
});

describe('headers', () => {
  it('IP options are skipped, and stay', () => {
    const options = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 0);
    const builder = rig.from('pod').ip(pod[4], web[4], { options }).tcp(4000, 80, { flags: 'S' });
    const out = rig.send('pod_ingress', builder);
    expect(out.text).toBe(`${pod[4]}|4000 > ${remotePod[4]}|8080 tcp S ttl 64`);
    expect(decodePacket(out.bytes).ip!.extraLength).toBe(8);
  });

  it('IPv6 extension headers are skipped', () => {
    const three = ['hopByHop', 'destination', 'routing'] as const;
    const builder = (extensions: typeof three | readonly ['destination', ...typeof three]) =>
      rig
        .from('pod')
        .ip(pod[6], web[6], { extensions: [...extensions] })
        .udp(4000, 80);
    expect(rig.send('pod_ingress', builder(three)).text).toBe(
      `${pod[6]}|4000 > ${remotePod[6]}|8080 udp ttl 64`,
    );
    expect(rig.send('pod_ingress', builder(['destination', ...three])).text).toContain(
      `${remotePod[6]}|8080`,
    );
  });

  it.each([0, 1, 2, 3, 4])('an IPv4 header length of %i words is malformed', (words) => {
    const bytes = rig.from('pod').ip(pod[4], web[4]).tcp(1, 80).bytes();
    bytes[14] = 0x40 | words;
    expect(rig.send('pod_ingress', bytes).text).toBe('dropped: malformed');
  });

  it('a total length shorter than the header is malformed, whatever lies behind', () => {
    const builder = rig.from('pod').ip(pod[4], web[4], { length: 19 }).tcp(1, 80);
    expect(rig.send('pod_ingress', builder).text).toBe('dropped: malformed');
  });

  it('a UDP checksum of none stays none', () => {
    const out = rig.send('pod_ingress', rig.from('pod').ip(pod[4], web[4]).udp(1, 80, { checksum: 0 }));
    expect(new DataView(out.bytes.buffer, out.bytes.byteOffset).getUint16(14 + 20 + 6)).toBe(0);
  });

  it('a pod’s VLAN-tagged packet is no way around the source check', () => {
    const tagged = rig.from('pod', { vlan: 7 }).ip(stranger[4], web[4]).tcp(1, 80);
    expect(rig.send('pod_ingress', tagged).verdict).toBe('drop');
  });

  it('at the uplink what is malformed or tagged is left to the stack', () => {
    const bytes = rig.from('uplink').ip(outside[4], node[4]).tcp(1, 30080).bytes();
    expect(rig.send('host_ingress', bytes.subarray(0, 40)).verdict).toBe('pass');
    const tagged = rig.from('uplink', { vlan: 7 }).ip(outside[4], node[4]).tcp(1, 30080);
    expect(rig.send('host_ingress', tagged).verdict).toBe('pass');
  });
});
