import { describe, expect, test } from 'vitest';
import { goRegExp } from './patterns.ts';

describe('an expression of RE2', () => {
  test.each<[string, string[], string[]]>([
    ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', ['a-b', 'x'], ['-a', 'a-', 'A']],
    ['\\Aab\\z', ['ab'], ['ab\n', 'xab']],
    ['^[[:alpha:]_][[:alnum:]_]*$', ['_a1', 'Z'], ['1a', 'é']],
    ['(?i)^abc$', ['ABC', 'abc'], ['abd']],
    ['^a(?i)bc$', ['aBC'], ['ABC']],
    ['^(?:a(?i)b)c$', ['aBc'], ['aBC']],
    ['^(?P<word>\\w+)-\\d+$', ['ab-1'], ['ab-']],
    ['^\\pL+$', ['é', 'abc'], ['1']],
    ['^\\p{Greek}+$', ['λ'], ['l']],
    ['^[^\\s]+$', ['a\u00a0b'], ['a b']],
    ['^[\\w-.]+$', ['a-b.c'], ['a b']],
    ['^{[^}]+}$', ['{a}'], ['a']],
    ['^a{2,3}$', ['aa', 'aaa'], ['a', 'aaaa']],
    ['^a\\-b$', ['a-b'], ['ab']],
    ['^[]a]+$', [']a'], ['b']],
    ['^[a\\]]+$', [']a'], ['b']],
    ['^\\Qa.b\\E$', ['a.b'], ['axb']],
    ['^([0-9]{1,5}(h|m|s|ms)){1,4}$', ['1h30m', '5ms'], ['h', '123456s']],
    ["^(?:[A-Za-z0-9/\\-._~!$&'()*+,;=:]|[%][0-9a-fA-F]{2})+$", ['/a-b', '%2f'], ['%', '"']],
    ["^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$", ['a`b'], ['a b']],
    ['^(\\d|\\/)\\"$', ['1"', '/"'], ['x"']],
  ])('%s', (pattern, matching, others) => {
    for (const text of matching) expect([text, goRegExp(pattern).test(text)]).toEqual([text, true]);
    for (const text of others) expect([text, goRegExp(pattern).test(text)]).toEqual([text, false]);
  });
});

test.each(['(?=a)', '(?<!a)b', '(a)\\1', 'a(', '[a', '*a'])('%s is none', (pattern) => {
  expect(() => goRegExp(pattern)).toThrow('error parsing regexp');
});
