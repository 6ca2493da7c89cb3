import { expect, test } from 'vitest';
import { formatQuantity, parseQuantity } from './quantity.ts';

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

test.each([
  [2 ** 20, '1Ki', '1Mi'],
  [1.5 * 2 ** 30, '0.5Gi', '1536Mi'],
  [1000, '1Mi', '1000'],
  [200e6, '100M', '200M'],
  [1500, '500', '1500'],
  [0, '1Gi', '0'],
])('%d like %s is %s', (value, like, text) => {
  expect(formatQuantity(value, like)).toBe(text);
});
