import { describe, expect, test } from 'vitest';
import { parseIp } from '../../net/ip.ts';
import type { Fields, PinnedMap } from './bpf.ts';
import type { BtfField } from './btf.ts';
import { carrier, type Migration } from './carry.ts';
import { FakeMap } from './fake-bpf.ts';
import { type Layout, layoutOf } from './layout.ts';

const sizes: Record<string, number> = { __u8: 1, __be16: 2, __u32: 4, __u64: 8, address: 16 };

/** `name: type` in order, without gaps but for what `pad` gives. */
function layout(fields: Record<string, string>): Layout<Fields> {
  let offset = 0;
  const laid: BtfField[] = Object.entries(fields).map(([name, type]) => {
    const [, of, count] = /^(\w+?)(?:\[(\d+)\])?$/.exec(type)!;
    const size = sizes[of!]! * Number(count ?? 1);
    offset += size;
    return { name, offset: offset - size, size, type: of!, ...(count && { elements: Number(count) }) };
  });
  return layoutOf('thing', { thing: { name: 'thing', size: offset, fields: laid } });
}

function map(key: Layout<Fields> | undefined, value: Layout<Fields> | undefined): PinnedMap {
  const shape = { name: 'things', maxEntries: 8, keySize: key?.size ?? 4, valueSize: value?.size ?? 4 };
  return { map: new FakeMap(shape), key, value };
}

const old = layout({ flags: '__u8', pad: '__u8[7]', last_seen: '__u64', mac: '__u8[6]', pad2: '__u8[2]' });

function carryValue(to: Layout<Fields>, value: Fields, ...migrations: Migration[]): Fields {
  return to.decode(carrier(map(undefined, old), map(undefined, to), migrations).value(old.encode(value)));
}

const mac = Uint8Array.of(1, 2, 3, 4, 5, 6);

describe('a value', () => {
  test('keeps its fields, wherever they are now; what is new is zero, what is no more is left out', () => {
    const to = layout({ last_seen: '__u64', zone: '__u32', pad: '__u8[3]', flags: '__u8' });
    expect(carryValue(to, { flags: 3, lastSeen: 9n, mac })).toEqual({ lastSeen: 9n, zone: 0, flags: 3 });
  });

  test('is the same bytes where the layout is the same', () => {
    const bytes = new Uint8Array(old.size).fill(7);
    expect(carrier(map(undefined, old), map(undefined, old), []).value(bytes)).toBe(bytes);
  });

  test('whose field changed its type needs a migration', () => {
    const to = layout({ flags: '__u32', pad: '__u8[4]', last_seen: '__u64' });
    expect(() => carryValue(to, {})).toThrow('things: flags is __u8 in the pinned map, __u32 here');
    const migration: Migration = {
      ...{ map: 'things', version: 2 },
      value: ({ flags, lastSeen }) => ({ flags: (flags as number) << 8, lastSeen }),
    };
    expect(carryValue(to, { flags: 3, lastSeen: 9n }, migration)).toEqual({ flags: 768, lastSeen: 9n });
  });

  test('goes through all migrations in order', () => {
    const add = (version: number, more: bigint): Migration => ({
      ...{ map: 'things', version },
      value: (fields) => ({ ...fields, lastSeen: (fields.lastSeen as bigint) * 10n + more }),
    });
    expect(carryValue(old, { lastSeen: 1n }, add(2, 2n), add(3, 3n)).lastSeen).toBe(123n);
  });

  test('of a per-CPU map is one for each CPU', () => {
    const counter = layout({ packets: '__u64', kind: '__u32' });
    const to = layout({ kind: '__u32', pad: '__u32', packets: '__u64' });
    const perCpu = (of: Layout<Fields>, step: number): PinnedMap => ({
      map: new FakeMap({ name: 'counts', maxEntries: 1, keySize: 4, valueSize: 2 * step }),
      value: of,
    });
    const bytes = new Uint8Array(32);
    counter.encode({ packets: 5n, kind: 1 }, bytes, 0);
    counter.encode({ packets: 6n, kind: 2 }, bytes, 16);
    const carried = carrier(perCpu(counter, 16), perCpu(to, 16), []).value(bytes);
    expect([0, 16].map((at) => to.decode(carried.slice(at, at + 16)))).toEqual([
      { packets: 5n, kind: 1 },
      { packets: 6n, kind: 2 },
    ]);
  });
});

test('a key is carried as a value is', () => {
  const from = layout({ src: 'address', dst: 'address', sport: '__be16' });
  const to = layout({ dst: 'address', src: 'address', pad: '__u8[2]', sport: '__be16' });
  const tuple = { src: parseIp('10.0.0.1'), dst: parseIp('fd00::1'), sport: 80 };
  const { key } = carrier(map(from, undefined), map(to, undefined), []);
  expect(to.decode(key(from.encode(tuple)))).toEqual(tuple);
});

test('plain bytes are carried where there are as many', () => {
  const wide: PinnedMap = { map: new FakeMap({ name: 'epoch', maxEntries: 1, keySize: 4, valueSize: 8 }) };
  const narrow: PinnedMap = { map: new FakeMap({ name: 'epoch', maxEntries: 1, keySize: 4, valueSize: 4 }) };
  expect(carrier(narrow, narrow, []).value(Uint8Array.of(1, 0, 0, 0))).toEqual(Uint8Array.of(1, 0, 0, 0));
  expect(() => carrier(narrow, wide, [])).toThrow('epoch: each value has 4 bytes, not 8');
});
