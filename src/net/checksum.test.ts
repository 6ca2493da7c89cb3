import { describe, expect, it } from 'vitest';
import fc from '../util/testing/properties.ts';
import { checksum, onesSum, pseudoHeaderSum, sumsUp } from './checksum.ts';
import { parseIp } from './ip.ts';

describe('the Internet checksum', () => {
  it('is that of RFC 1071’s example', () => {
    expect(onesSum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(0xddf2);
  });

  it('is that of a known IPv4 header', () => {
    const header = Buffer.from('45000073000040004011' + '0000' + 'c0a80001c0a800c7', 'hex');
    expect(checksum(header)).toBe(0xb861);
  });

  it('counts an odd last byte as the high half of a word', () => {
    expect(onesSum(Uint8Array.of(0x12))).toBe(0x1200);
  });

  it('sums up once written, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 101 }), (bytes) => {
        const whole = new Uint8Array(bytes.length + 2);
        whole.set(bytes, 2);
        new DataView(whole.buffer).setUint16(0, checksum(whole));
        expect(sumsUp(whole)).toBe(true);
      }),
    );
  });

  it('folds a pseudo header in, for both families', () => {
    const v4 = pseudoHeaderSum({ src: parseIp('10.0.0.1'), dst: parseIp('10.0.0.2') }, 17, 8);
    expect(v4).toBe(0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 8);
    const v6 = pseudoHeaderSum({ src: parseIp('::1'), dst: parseIp('::2') }, 6, 0x10000);
    expect(v6).toBe(1 + 2 + 1 + 6);
  });
});
