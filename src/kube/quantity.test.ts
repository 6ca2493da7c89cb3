import { expect, test } from 'vitest';
import { parseQuantity } from './quantity.ts';

test.each([
  ['1', 1],
  ['100m', 0.1],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['128M', 128e6],
  ['2e3', 2000],
  ['.5', 0.5],
  [4, 4],
])('%s is %d', (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test.each(['', 'Gi', '1 Gi', '1gi', '0x10', '1e'])('"%s" is refused', (text) => {
  expect(() => parseQuantity(text)).toThrow(/not a quantity/);
});
