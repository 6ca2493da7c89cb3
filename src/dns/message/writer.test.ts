import { expect, test } from 'vitest';
import { decodeName } from './name.ts';
import { Writer } from './writer.ts';

test.each([
  ['www.example.org', 'www.example.org', 2],
  ['www.example.org', 'WWW.example.org', 6],
  ['www.example.org', 'mail.example.org', 7],
  ['a\\.b.example.org', 'a\\.b.example.org', 2],
  ['a\\.b.example.org', 'b.example.org', 4],
  ['a\\\\.b', 'b', 2],
  ['x.org', 'y.org.', 4],
  ['x.org', '', 1],
])('%s, then %s: %i bytes more', (first, second, bytes) => {
  const writer = new Writer().name(first);
  const before = writer.length;
  writer.name(second);
  expect(writer.length - before).toBe(bytes);
  const text = (name: string) => name.replace(/\.$/, '');
  expect(text(decodeName(writer.finish(), before).name)).toBe(text(second));
});

test('case is kept where a name is written first', () => {
  expect(decodeName(new Writer().name('WwW.eXample.org').finish(), 0).name).toBe('WwW.eXample.org');
});

test.each(['a..b', '.a', 'x'.repeat(64), Array(128).fill('a').join('.'), 'a..'])('no name: %s', (name) => {
  expect(() => new Writer().name(name)).toThrow('is no domain name');
});
