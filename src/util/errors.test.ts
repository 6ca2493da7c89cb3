import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeError, errorCatalogue, isError, remedyOf, TendrilError } from './errors.ts';

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

test('every code of the catalogue is thrown somewhere', () => {
  const root = new URL('../', import.meta.url);
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('.test.') && file !== 'util/errors.ts')
    .map((file) => readFileSync(new URL(file, root), 'utf8'))
    .join();
  expect(Object.keys(errorCatalogue).filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
});
