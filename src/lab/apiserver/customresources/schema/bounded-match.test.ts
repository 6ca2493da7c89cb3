import { expect, test } from 'vitest';
import { BoundedRegExp, PatternTimeout } from './bounded-match.ts';

const name = `${'a'.repeat(60)}.${'b'.repeat(60)}`;

test('what ends is found as ever', () => {
  const dns = new BoundedRegExp('^[a-z]([-a-z]*[a-z])?(\\.[a-z]([-a-z]*[a-z])?)*$', 'u');
  expect([dns.test(name), dns.test(`${name}.`), dns.test('a')]).toEqual([true, false, true]);
  expect([...name.matchAll(new BoundedRegExp('(a)+', 'gu'))].map(([text]) => text)).toEqual(['a'.repeat(60)]);
});

test.each([
  ['groups that repeat what repeats', '^(a+)+$', `${'a'.repeat(60)}!`],
  ['alternatives that are the same', '^(a|a)*$', `${'a'.repeat(60)}!`],
  ['one repetition after the other', '^a*a*a*a*a*b$', 'a'.repeat(20_000)],
])('%s are given up', (_, source, text) => {
  const before = process.threadCpuUsage();
  expect(() => new BoundedRegExp(source, 'u').test(text)).toThrow(PatternTimeout);
  expect(process.threadCpuUsage(before).user).toBeLessThan(3_000_000);
});
