import { describe, expect, it } from 'vitest';
import { type Ip, ipFromBytes, parseIp } from '../../net/ip.ts';
import fc from '../../util/testing/properties.ts';
import type { BtfStruct } from './btf.ts';
import { layoutOf } from './layout.ts';

const structs: Record<string, BtfStruct> = {
  inner: {
    name: 'inner',
    size: 4,
    fields: [
      { name: 'port', offset: 0, size: 2, type: '__be16' },
      { name: 'pad', offset: 2, size: 2, type: '__u8', elements: 2 },
    ],
  },
  outer: {
    name: 'outer',
    size: 64,
    fields: [
      { name: 'addr', offset: 0, size: 16, type: 'address' },
      { name: 'last_seen', offset: 16, size: 8, type: '__u64' },
      { name: 'id', offset: 24, size: 4, type: '__u32' },
      { name: 'flags', offset: 28, size: 1, type: '__u8' },
      { name: 'mac', offset: 29, size: 6, type: '__u8', elements: 6 },
      { name: 'inner', offset: 36, size: 4, type: 'inner' },
      { name: 'counts', offset: 40, size: 4, type: '__u16', elements: 2 },
      { name: 'reserved', offset: 44, size: 20, type: '__u8', elements: 20 },
    ],
  },
};

interface Outer {
  addr: Ip;
  lastSeen: bigint;
  id: number;
  flags: number;
  mac: Uint8Array;
  inner: { port: number };
  counts: number[];
}

const layout = layoutOf<Outer>('outer', structs);

const outer = fc.record({
  addr: fc
    .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map(ipFromBytes),
  lastSeen: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  id: fc.nat(0xffffffff),
  flags: fc.nat(255),
  mac: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  inner: fc.record({ port: fc.nat(65_535) }),
  counts: fc.tuple(fc.nat(65_535), fc.nat(65_535)),
});

describe('a layout', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(outer, (value) => {
        const bytes = layout.encode(value);
        expect(bytes).toHaveLength(64);
        expect(layout.decode(bytes)).toEqual(value);
      }),
    );
  });

  it('writes integers in the machine’s order, ports in network order, IPv4 as v4-mapped', () => {
    const bytes = layout.encode({ addr: parseIp('10.0.0.1'), id: 0x01020304, inner: { port: 80 } });
    expect(Buffer.from(bytes.subarray(0, 16)).toString('hex')).toBe('00000000000000000000ffff0a000001');
    expect([...bytes.subarray(24, 28)]).toEqual([4, 3, 2, 1]);
    expect([...bytes.subarray(36, 38)]).toEqual([0, 80]);
  });

  it('leaves missing fields and padding zero, and never shows padding', () => {
    expect([...layout.encode({})].every((byte) => byte === 0)).toBe(true);
    expect(Object.keys(layout.decode(new Uint8Array(64).fill(1)))).toEqual([
      'addr',
      'lastSeen',
      'id',
      'flags',
      'mac',
      'inner',
      'counts',
    ]);
  });

  it('encodes into a larger buffer at an offset', () => {
    const buffer = new Uint8Array(70);
    layout.encode({ flags: 9 }, buffer, 6);
    expect(buffer[6 + 28]).toBe(9);
    expect(layout.offsetOf('flags')).toBe(28);
  });

  it('refuses bytes of another length, and structures it does not know', () => {
    expect(() => layout.decode(new Uint8Array(63))).toThrow('outer is 64 bytes, not 63');
    expect(() => layoutOf('nothing', structs)).toThrow('nothing');
  });
});
