import { expect, test } from 'vitest';
import { expand } from './expansion.ts';

test.each([
  ['$(A)', 'one'],
  ['x-$(A)-$(B)', 'x-one-two'],
  ['$(C)', '$(C)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$A $', '$A $'],
  ['$(A', '$(A'],
  ['$$$$', '$$'],
])('%s becomes %s', (text, expected) => {
  expect(expand(text, (name) => ({ A: 'one', B: 'two' })[name])).toBe(expected);
});
