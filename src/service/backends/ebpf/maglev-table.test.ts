import { describe, expect, it } from 'vitest';
import fc from '../../../util/testing/properties.ts';
import { maglevTable, maglevTableSize } from './maglev-table.ts';

const names = (count: number, first = 1) =>
  Array.from({ length: count }, (_, i) => `10.244.${i >> 8}.${first + (i & 255)}|8080`);
const differing = (a: readonly string[], b: readonly string[]) =>
  a.filter((name, place) => name !== b[place]).length;
const without = (all: readonly string[], gone: string, size?: number) => {
  const rest = all.filter((name) => name !== gone);
  return maglevTable(rest, size ?? maglevTableSize(rest.length));
};

describe('a Maglev table', () => {
  it.each([
    [1, 251],
    [9, 251],
    [10, 1021],
    [18, 1021],
    [36, 4093],
    [37, 16_381],
    [1000, 16_381],
  ])('of %i members has %i places', (members, size) => {
    expect(maglevTableSize(members)).toBe(size);
    expect(maglevTable(names(members))).toHaveLength(size);
  });

  it('of no member is empty', () => {
    expect(maglevTable([])).toEqual([]);
  });

  it('is the same whatever order its members are given in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(names(12), { minLength: 1 }), (shuffled) => {
        expect(maglevTable(shuffled)).toEqual(maglevTable([...shuffled].sort()));
      }),
    );
  });

  it('gives each member its share, to a place', () => {
    const table = maglevTable(names(10));
    const shares = names(10).map((name) => table.filter((member) => member === name).length);
    expect([Math.min(...shares), Math.max(...shares)]).toEqual([102, 103]);
  });

  it.each([2, 3, 9, 10, 18, 30, 73])('of %i: one that goes moves less than twice its own share', (count) => {
    const all = names(count);
    const size = maglevTableSize(count);
    const before = maglevTable(all);
    const some = all.slice(0, 12);
    const moved = some.map((gone) => differing(before, without(all, gone, size)));
    const mean = moved.reduce((sum, n) => sum + n, 0) / some.length;
    expect(mean / (size / count)).toBeLessThan(2);
  });

  it('names nobody who is gone', () => {
    expect(without(names(10), names(10)[3]!)).not.toContain(names(10)[3]!);
  });
});
