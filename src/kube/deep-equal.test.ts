import { expect, test } from 'vitest';
import { deepEqual, stableJson } from './deep-equal.ts';

test.each([
  [{ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: null }, {}, false],
  [[1, 2], [1], false],
  [[], {}, false],
  ['1', 1, false],
])('%j and %j equal: %s', (a, b, equal) => {
  expect(deepEqual(a, b)).toBe(equal);
  expect(stableJson(a) === stableJson(b)).toBe(equal);
});
