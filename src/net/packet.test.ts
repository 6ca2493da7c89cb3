import { describe, expect, it } from 'vitest';
import { isError } from '../util/errors.ts';
import fc from '../util/testing/properties.ts';
import { datagram, packet } from './packet.ts';
import { decodePacket, describePacket } from './packet-decode.ts';

const shown = (bytes: Uint8Array) => describePacket(decodePacket(bytes));
const families = [
  { family: 4, src: '10.0.0.1', dst: '10.0.0.2' },
  { family: 6, src: 'fd00::1', dst: 'fd00::2' },
];

describe.each(families)('IPv$family', ({ family, src, dst }) => {
  it('reads back what was built, with right checksums', () => {
    const base = packet().ip(src, dst, { ttl: 9 }).payload('odd');
    expect(shown(base.tcp(4000, 80, { flags: 'SA', seq: 7 }).bytes())).toBe(
      `${src}|4000 > ${dst}|80 tcp SA ttl 9`,
    );
    expect(shown(base.udp(53, 54).bytes())).toBe(`${src}|53 > ${dst}|54 udp ttl 9`);
    expect(shown(base.icmp(family === 4 ? 8 : 128, 0).bytes())).toContain(
      family === 4 ? 'icmp 8/0' : '128/0',
    );
    expect(Buffer.from(decodePacket(base.udp(1, 2).bytes()).payload).toString()).toBe('odd');
  });

  it('tells a wrong checksum', () => {
    expect(shown(packet().ip(src, dst).tcp(1, 2, { checksum: 1 }).bytes())).toContain('BAD CHECKSUM');
    expect(shown(packet().ip(src, dst).icmp(3, 3, { checksum: 1 }).bytes())).toContain('BAD CHECKSUM');
  });

  it('quotes a packet in an ICMP error, cut or whole', () => {
    const about = datagram().ip(dst, src).udp(7, 8).payload('x'.repeat(40));
    const error = packet()
      .ip(src, dst)
      .icmp(family === 4 ? 3 : 1, family === 4 ? 3 : 4);
    for (const keep of [family === 4 ? 28 : 48, undefined])
      expect(shown(error.quote(about, keep).bytes())).toContain(`[${dst}|7 > ${src}|8 udp ttl 64]`);
  });

  it('cuts a datagram into fragments that carry it whole', () => {
    const whole = packet().ip(src, dst).udp(7, 8).payload('y'.repeat(100));
    const parts = whole.fragments(64, 77).map(decodePacket);
    expect(parts.map(({ ip }) => ip!.fragment)).toEqual([
      { id: 77, offset: 0, more: true },
      { id: 77, offset: 64, more: false },
    ]);
    const sizes = parts.map(({ payload, transport }) => payload.length + (transport ? 8 : 0));
    expect(sizes).toEqual([64, 44]);
  });

  it('refuses every truncation', () => {
    const bytes = packet().ip(src, dst).tcp(1, 2).bytes();
    for (let length = 0; length < bytes.length; length++) {
      const cut = () => decodePacket(bytes.subarray(0, length));
      expect(cut).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }));
    }
  });
});

describe('headers beyond the plain ones', () => {
  it('IPv4 options and IPv6 extension headers are skipped', () => {
    const options = packet().ip('10.0.0.1', '10.0.0.2', { options: Uint8Array.of(1, 1, 1, 0) });
    expect(decodePacket(options.tcp(1, 2).bytes())).toMatchObject({
      ip: { extraLength: 4, checksumOk: true },
      transport: { sport: 1, dport: 2, checksumOk: true },
    });
    const extensions = packet().ip('::1', '::2', { extensions: ['hopByHop', 'destination', 'routing'] });
    expect(decodePacket(extensions.udp(1, 2).bytes())).toMatchObject({
      ip: { extraLength: 24, protocol: 17 },
      transport: { sport: 1, checksumOk: true },
    });
  });

  it('a VLAN tag is kept apart from the type', () => {
    const tagged = packet({ vlan: 5 }).ip('10.0.0.1', '10.0.0.2').udp(1, 2).bytes();
    expect(decodePacket(tagged).ethernet).toMatchObject({ vlan: 5, type: 0x0800 });
  });

  it('a UDP checksum of zero is none in IPv4, and wrong in IPv6', () => {
    expect(shown(packet().ip('10.0.0.1', '10.0.0.2').udp(1, 2, { checksum: 0 }).bytes())).not.toContain(
      'BAD',
    );
    expect(shown(packet().ip('::1', '::2').udp(1, 2, { checksum: 0 }).bytes())).toContain('BAD');
  });
});

it('any bytes are decoded or refused as bad input', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom([8, 0], [0x86, 0xdd]), (bytes, type) => {
      bytes.set(type.slice(0, Math.max(0, Math.min(2, bytes.length - 12))), Math.min(12, bytes.length));
      try {
        describePacket(decodePacket(bytes));
      } catch (error) {
        expect(isError(error, 'BAD_INPUT')).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
