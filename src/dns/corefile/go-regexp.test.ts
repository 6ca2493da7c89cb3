import { describe, expect, test } from 'vitest';
import { goRegExp, regularExpression } from './go-regexp.ts';

const at = { file: 'Corefile', line: 3 };

describe('an expression of Go', () => {
  test.each<[string, string[], string[]]>([
    ['^web\\.', ['web.example.org.'], ['xweb.']],
    ['(?i)^WEB\\.$', ['web.', 'Web.'], ['webs.']],
    ['^a(?i:b)(?-i)c$', ['aBc'], ['aBC']],
    ['\\Aab\\z', ['ab'], ['ab\n']],
    ['^[[:alpha:]_]+$', ['a_Z'], ['a1']],
    ['^\\Qa.b\\E$', ['a.b'], ['axb']],
    ['^a{2,3}$', ['aa'], ['aaaa']],
    ['(?s)^a.b$', ['a\nb'], ['ab']],
  ])('%s', (source, matching, others) => {
    const pattern = goRegExp(source);
    for (const text of matching) expect([text, pattern.test(text)]).toEqual([text, true]);
    for (const text of others) expect([text, pattern.test(text)]).toEqual([text, false]);
  });
});

test('groups are told by number and name, those without a part in the match as empty', () => {
  const pattern = goRegExp('^(?P<first>[^.]*)\\.(?:(x)|(?P<second>y))\\.');
  expect(pattern.groupCount).toBe(3);
  expect(pattern.match('pod.y.rest.')).toEqual({
    groups: ['pod.y.', 'pod', '', 'y'],
    named: new Map([
      ['first', 'pod'],
      ['second', 'y'],
    ]),
  });
  expect(pattern.match('pod.z.')).toBeUndefined();
});

// Each step back doubles the time of an engine that tries again: with 250 characters none of these would end.
test.each([
  '^(a+)+$',
  '(?i)^(A+)+$',
  '^(a|a)*$',
  '^(a|aa)+$',
  '^(?:a?){40}a{40}$',
  '^(.*a){20}c$',
  '(a+a+)+c',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
])('%s ends for whatever name is asked for', (source) => {
  const pattern = goRegExp(source);
  const text = `${'a'.repeat(250)}b.`;
  expect(pattern.match(text) !== undefined).toBe(pattern.test(text));
});

test.each(['(?=a)', '(?<!a)b', '(a)\\1', 'a(', '[a', '*a', 'a{1001}', '((a{100}){100}){100}'])(
  '%s is none, and the Corefile is refused with its place',
  (text) => {
    expect(() => regularExpression(text, at)).toThrow(`Corefile:3: "${text}" is no regular expression`);
  },
);
