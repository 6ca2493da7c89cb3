import { expect, test } from 'vitest';
import { describeError, isError, remedyOf, TendrilError } from './errors.ts';

const cause = new TendrilError('MAP_FULL', 'map services is full', { remedy: 'raise its size' });
const error = new Error('sync failed', { cause });

test('predicates and remedies see through wrapping', () => {
  expect(isError(error, 'MAP_FULL')).toBe(true);
  expect(isError(error, 'CNI')).toBe(false);
  expect(remedyOf(error)).toBe('raise its size');
});

test('the whole chain in one line, nothing twice', () => {
  expect(describeError(error)).toBe('sync failed: map services is full');
  expect(describeError(new Error('a: b', { cause: new Error('b') }))).toBe('a: b');
});
