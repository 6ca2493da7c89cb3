import { expect, test } from 'vitest';
import { recordTypes } from './constants.ts';
import { decodeMessage, encodeMessage, newQuery } from './message.ts';
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

test('names in lower case take the case of the question where that is asked for', () => {
  const answers = ['www.example.org', 'other.example.org', 'WWW.example.org'].map((name) => ({
    ...{ name, class: 1, ttl: 1 },
    data: { type: recordTypes.CNAME, target: 'example.org' },
  }));
  const message = { ...newQuery(1, { name: 'wWw.eXample.org', type: recordTypes.CNAME }), answers };
  const names = (options: { inCaseOfQuestion?: boolean }) =>
    decodeMessage(encodeMessage(message, undefined, options)).answers.map(({ name, data }) => [name, 'target' in data && data.target]); // biome-ignore format: one line
  expect(names({})).toEqual(answers.map(({ name, data }) => [name, data.target]));
  expect(names({ inCaseOfQuestion: true })).toEqual([
    ['wWw.eXample.org', 'eXample.org'],
    ['other.eXample.org', 'eXample.org'],
    ['WWW.eXample.org', 'eXample.org'],
  ]);
});
