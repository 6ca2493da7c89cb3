/** SCTP through the packet hooks: ports change, and a CRC32c that nobody computed anew still holds. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatIp } from '../../src/net/ip.ts';
import { datagram, type PacketBuilder, type SctpOptions } from '../../src/net/packet.ts';
import { decodePacket } from '../../src/net/packet-decode.ts';
import { serviceSnatPorts } from '../../src/net/ports.ts';
import { testService, testSlice } from '../../src/service/testing-objects.ts';
import { node, outside, PacketRig, pod, remotePod } from './packet-rig.ts';

const families = [4, 6] as const;
const remote = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
const self = { 4: '10.96.0.2', 6: 'fd00:96::2' } as const;
const none = { 4: '10.96.0.3', 6: 'fd00:96::3' } as const;
/** Its endpoint listens on the Service's own port. */
const same = { 4: '10.96.0.4', 6: 'fd00:96::4' } as const;
const unreachable = { 4: [3, 3], 6: [1, 4] } as const;
const smallestHeader = { 4: 14 + 20, 6: 14 + 40 } as const;

let rig: PacketRig;

type Ips = Readonly<Record<4 | 6, string>>;

function serve(name: string, ips: Ips, nodePort: number, endpoints?: Ips, targetPort = 8080): void {
  const ports = [{ port: 80, protocol: 'SCTP' as const, nodePort }];
  rig.services.set(testService(name, { type: 'NodePort', clusterIPs: [ips[4], ips[6]], ports }));
  for (const family of families) {
    const slicePorts = [{ port: targetPort, protocol: 'SCTP' }];
    const at = endpoints && { ip: endpoints[family], node: endpoints === pod ? 'here' : 'there' };
    rig.slices.set(testSlice(name, { family, ports: slicePorts, endpoints: at ? [at] : [] }));
  }
}

beforeAll(async () => {
  rig = new PacketRig();
  serve('remote', remote, 30080, remotePod);
  serve('self', self, 30081, pod);
  serve('none', none, 30082);
  serve('same', same, 30083, remotePod, 80);
  await rig.sync();
});
beforeEach(() => rig.forget());
afterAll(() => rig?.close());

describe.each(families)('SCTP, IPv%i', (f) => {
  const init: SctpOptions = { chunk: 'INIT', tag: 7 };
  const fromPod = (to: string) => rig.from('pod').ip(pod[f], to);
  const fromOutside = () => rig.from('uplink').ip(outside[f], node[f]);
  const sport = (bytes: Uint8Array) => decodePacket(bytes).transport!.sport;
  const escaped = (text: string) => text.replaceAll('.', '\\.');

  it('a pod’s packet to a ClusterIP gets the backend’s address; the reply the ClusterIP’s', () => {
    const out = rig.send('pod_ingress', fromPod(remote[f]).sctp(4000, 80, init));
    expect([out.verdict, out.text]).toEqual([
      'pass',
      `${pod[f]}|4000 > ${remotePod[f]}|8080 sctp INIT ttl 64`,
    ]);
    const reply = rig
      .from('pod')
      .ip(remotePod[f], pod[f])
      .sctp(8080, 4000, { chunk: 'INIT-ACK' })
      .payload('cookie');
    expect(rig.send('pod_egress', reply).text).toBe(`${remote[f]}|80 > ${pod[f]}|4000 sctp INIT-ACK ttl 64`);
  });

  it('a NodePort’s packet for a remote backend leaves from the node’s address, and its reply comes back', () => {
    const out = rig.send('host_ingress', fromOutside().sctp(4000, 30080, init));
    const port = sport(out.bytes);
    expect(port).toBeGreaterThanOrEqual(serviceSnatPorts.first);
    expect([out.verdict, out.text]).toEqual([
      'redirect',
      `${node[f]}|${port} > ${remotePod[f]}|8080 sctp INIT ttl 63`,
    ]);
    const reply = rig.from('uplink').ip(remotePod[f], node[f]).sctp(8080, port, { chunk: 'INIT-ACK' });
    const back = rig.send('host_ingress', reply);
    expect([back.verdict, back.text]).toEqual([
      'redirect',
      `${node[f]}|30080 > ${outside[f]}|4000 sctp INIT-ACK ttl 63`,
    ]);
  });

  it('a NodePort’s packet for a local backend keeps the client’s address', () => {
    const out = rig.send('host_ingress', fromOutside().sctp(4000, 30081, init));
    expect([out.verdict, out.text]).toEqual(['pass', `${outside[f]}|4000 > ${pod[f]}|8080 sctp INIT ttl 64`]);
  });

  it('a pod that reaches itself by a Service gets the node’s address as the source', () => {
    const out = rig.send('pod_ingress', fromPod(self[f]).sctp(4000, 80, init));
    expect(out.verdict).toBe('redirect');
    expect(out.text).toMatch(
      new RegExp(`^${escaped(node[f])}\\|[56]\\d{4} > ${escaped(pod[f])}\\|8080 sctp INIT ttl 63$`),
    );
  });

  describe('the checksum', () => {
    const ports = fc.integer({ min: 1, max: 65_535 });
    const hooks = {
      'pod ingress': (from: number) => ['pod_ingress', fromPod(remote[f]).sctp(from, 80)] as const,
      'uplink ingress': (from: number) => ['host_ingress', fromOutside().sctp(from, 30080)] as const,
    };

    it.each(Object.entries(hooks))('holds at the %s whatever the ports and the length', (_, sent) => {
      const payload = fc.uint8Array({ maxLength: 1200 });
      fc.assert(
        fc.property(ports, payload, (from, bytes) => {
          const [hook, builder] = sent(from);
          const out = rig.send(hook, builder.payload(bytes));
          expect(decodePacket(out.bytes).transport).toMatchObject({ dport: 8080, checksumOk: true });
        }),
        { numRuns: 150 },
      );
    });

    it('that is wrong stays wrong, by as much', () => {
      const right = rig.send('pod_ingress', fromPod(remote[f]).sctp(4000, 80).payload('data'));
      const at = smallestHeader[f] + 8;
      const sum = (bytes: Uint8Array) => Buffer.from(bytes).readUInt32LE(at);
      const sent = fromPod(remote[f]).sctp(4000, 80).payload('data').bytes();
      sent[at + 1]! ^= 0x40;
      const wrong = rig.send('pod_ingress', sent);
      expect(wrong.text).toContain('BAD CHECKSUM');
      expect((sum(wrong.bytes) ^ sum(right.bytes)) >>> 0).toBe(0x4000);
    });

    it('of none stays none: the peers agreed on it, or the network card computes it', () => {
      const out = rig.send('pod_ingress', fromPod(remote[f]).sctp(4000, 80, { checksum: 0 }));
      expect(Buffer.from(out.bytes).readUInt32LE(smallestHeader[f] + 8)).toBe(0);
    });
  });

  it('without endpoints is answered by ICMP port unreachable that quotes it', () => {
    for (const [hook, asked, from] of [
      ['pod_ingress', fromPod(none[f]).sctp(4000, 80, init), pod[f]],
      ['host_ingress', fromOutside().sctp(4000, 30082, init), outside[f]],
    ] as const) {
      const to = hook === 'pod_ingress' ? `${none[f]}|80` : `${node[f]}|30082`;
      const icmp = `${f === 4 ? 'icmp' : 'icmpv6'} ${unreachable[f].join('/')}`;
      const out = rig.send(hook, asked);
      expect([out.verdict, out.text]).toEqual([
        'redirect',
        `${to.split('|')[0]} > ${from} ${icmp} ttl 64 [${from}|4000 > ${to} sctp ttl 64]`,
      ]);
    }
  });

  it('an ICMP error about a translated packet reaches its sender as one about the packet it sent', () => {
    const asked = rig.send('host_ingress', fromOutside().sctp(4000, 30080, init));
    const about = datagram().ip(node[f], remotePod[f], { ttl: 60 }).sctp(sport(asked.bytes), 8080, init);
    const [type, code] = unreachable[f];
    const error = rig.from('uplink').ip(remotePod[f], node[f]).icmp(type, code);
    for (const keep of [f === 4 ? 28 : 48, undefined]) {
      const out = rig.send('host_ingress', error.quote(about, keep));
      expect(out.text).toContain(`[${outside[f]}|4000 > ${node[f]}|30080 sctp`);
      expect(out.text).not.toContain('BAD');
    }
  });

  it('a packet of every length passes or is dropped, nothing else', () => {
    const whole = fromPod(remote[f]).sctp(4000, 80, init).payload('parameters').bytes();
    for (let length = smallestHeader[f]; length < whole.length; length++) {
      const out = rig.send('pod_ingress', whole.subarray(0, length));
      expect(out.bytes.length).toBe(length);
      if (length < smallestHeader[f] + 16) expect(out.text).toBe('dropped: malformed');
    }
  });

  describe('fragments', () => {
    const parts = (to: string) => fromPod(to).sctp(4000, 80).payload('z'.repeat(100)).fragments(64, 3);

    it('whose ports would change are dropped: their checksum is of more than they say', () => {
      expect(rig.send('pod_ingress', parts(remote[f])[0]!).text).toBe('dropped: rewrite');
    });

    it('go on where only the address changes', () => {
      const texts = parts(same[f]).map((part) => rig.send('pod_ingress', part).text);
      expect(texts).toHaveLength(2);
      for (const text of texts) expect(text).toContain(`> ${remotePod[f]}`);
    });
  });

  describe('an association', () => {
    const backends = { 4: ['10.244.2.11', '10.244.2.12'], 6: ['fd00:244:2::11', 'fd00:244:2::12'] }[f];
    const several = { 4: '10.96.0.5', 6: 'fd00:96::5' }[f];
    const serveSome = async (ips: readonly string[]) => {
      const ports = [{ port: 80, protocol: 'SCTP' as const }];
      rig.services.set(testService('several', { clusterIPs: ['10.96.0.5', 'fd00:96::5'], ports }));
      const endpoints = ips.map((ip) => ({ ip, node: 'there' }));
      rig.slices.set(
        testSlice('several', { family: f, ports: [{ port: 8080, protocol: 'SCTP' }], endpoints }),
      );
      await rig.sync();
    };
    const send = (chunk: NonNullable<SctpOptions['chunk']>): string =>
      formatIp(decodePacket(rig.send('pod_ingress', ask(chunk)).bytes).ip!.dst);
    const ask = (chunk: NonNullable<SctpOptions['chunk']>): PacketBuilder =>
      fromPod(several).sctp(4000, 80, { chunk });

    it('stays with its backend though that no longer serves; the next one does not', async () => {
      await serveSome(backends);
      const backend = send('INIT');
      await serveSome(backends.filter((ip) => ip !== backend));
      expect([send('COOKIE-ECHO'), send('DATA'), send('SHUTDOWN')]).toEqual([backend, backend, backend]);
      expect(send('INIT')).not.toBe(backend);
    });

    /** From the backend that the association has. */
    const answer = (backend: string, chunk: NonNullable<SctpOptions['chunk']>) =>
      rig.send('pod_egress', rig.from('pod').ip(backend, pod[f]).sctp(8080, 4000, { chunk }));
    const begunAnew = (end: (backend: string) => void): string[] => {
      const chosen = new Set<string>();
      for (let i = 0; i < 40; i++) {
        const backend = send('INIT');
        chosen.add(backend);
        end(backend);
      }
      return [...chosen].sort();
    };

    it('that both sides shut down, or that the server aborted, is over: an INIT chooses anew', async () => {
      await serveSome(backends);
      const shutDown = (backend: string) => {
        send('SHUTDOWN');
        answer(backend, 'SHUTDOWN-ACK');
        send('SHUTDOWN-COMPLETE');
      };
      expect(begunAnew(shutDown)).toEqual(backends);
      expect(begunAnew((backend) => answer(backend, 'ABORT'))).toEqual(backends);
    });

    it.each(['SHUTDOWN', 'ABORT'] as const)('goes on though the client alone says %s', async (chunk) => {
      await serveSome(backends);
      expect(begunAnew(() => send(chunk))).toHaveLength(1);
    });

    it('that lives on is not moved by another INIT', async () => {
      await serveSome(backends);
      const chosen = new Set(Array.from({ length: 30 }, () => send('INIT')));
      expect(chosen.size).toBe(1);
    });

    it('is not begun by an INIT-ACK', () => {
      rig.forget();
      expect([rig.send('pod_ingress', ask('INIT-ACK')).verdict, rig.connections()]).toEqual(['pass', []]);
    });
  });
});
