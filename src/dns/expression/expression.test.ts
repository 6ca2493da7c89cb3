/** What expressions give, after expr's language definition and the tests of CoreDNS's plugins view and expression. */
import { describe, expect, test } from 'vitest';
import { queryFor } from '../testing/ask.ts';
import { compileExpression } from './parser.ts';
import { isWithin, queryFunctions } from './query-functions.ts';

const query = queryFor('WWW.Example.org', 'AAAA', {
  server: { address: '10.96.0.10', port: 53 },
  metadata: new Map([['test/metadata', 'success']]),
});
const resultOf = (text: string) => compileExpression(text, { functions: queryFunctions }).value(query);

describe('give', () => {
  test.each([
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['2 ** 3 ** 2', 512],
    ['7 % 4 - -1', 4],
    ['0x10 + 0b11 + 0o7 + .5', 26.5],
    ['"a" + \'b\'', 'ab'],
    ['`a\\n`', 'a\\n'],
    ['"a\\n\\u0041"', 'a\nA'],
    ['1 /* one */ == 1 // the end', true],
    ['not false and !false', true],
    ['true || 1 / 0 > 0', true],
    ['true or false and false', true],
    ['1 < 2 ? "yes" : "no"', 'yes'],
    ['nil ?? 3', 3],
    ['2 in [1, 2,]', true],
    ['2 not in [1, 2]', false],
    ['"b" in ["a"]', false],
    ['[1, [2]] == [1, [2]]', true],
    ['1..3', [1, 2, 3]],
    ['[1, 2, 3][-1]', 3],
    ['[1, 2, 3][1:]', [2, 3]],
    ['"abcd"[1:-1]', 'bc'],
    ['"abc" contains "b"', true],
    ['"abc" startsWith "b"', false],
    ['"abc" not endsWith "b"', true],
    ['"abc" matches "^a.c$"', true],
    ['"a.c" matches \'^a\\\\.c$\'', true],
    ['"ABC" | lower() | split("b")', ['a', 'c']],
    ['all([1, 2], # > 0) && none([1], {# > 1}) && one([1, 2], # == 2)', true],
    ['filter(1..4, {# % 2 == 0})', [2, 4]],
    ['map(["a"], upper(#))', ['A']],
    ['count([1, 1, 2], # == 1)', 2],
    ['any([[1], [2]], any(#, # == 2))', true],
    ['len("é") + len([1])', 2],
    ['trimSuffix(name(), ".")', 'www.example.org'],
    ['int("7") + 1', 8],
    ['replace("a-b-c", "-", ".")', 'a.b.c'],
  ] as const)('%s', (text, expected) => {
    expect(resultOf(text)).toEqual(expected);
  });
});

describe('tell of a query', () => {
  test.each([
    ['name()', 'www.example.org.'],
    ['type()', 'AAAA'],
    ['class()', 'IN'],
    ['proto()', 'udp'],
    ['client_ip()', '10.240.0.1'],
    ['port()', '40212'],
    ['server_ip()', '10.96.0.10'],
    ['server_port()', '53'],
    ['id()', 1],
    ['opcode()', 0],
    ['do()', false],
    ['bufsize()', 512],
    ['size()', 33],
    ["metadata('test/metadata')", 'success'],
    ["metadata('test/nonexistent')", ''],
    ["incidr(client_ip(), '10.240.0.0/16')", true],
    ["type() in ['A', 'AAAA']", true],
    ["name() matches '^www\\\\..*\\\\.org\\\\.$'", true],
    ["(type() == 'A' && name() == 'example.com.') || client_ip() == '10.240.0.1'", true],
  ] as const)('%s', (text, expected) => {
    expect(resultOf(text)).toBe(expected);
  });
});

describe('no expressions', () => {
  test.each([
    ['', 'the end'],
    ['name() ==', 'the end'],
    ['invalid expression', 'no "invalid"'],
    ['1 2', '"2" is not expected'],
    ['1 + "x"', '+ does not take number and string'],
    ['name() == 1', '== does not take string and number'],
    ['1 and true', 'and does not take'],
    ['not name()', 'not does not take string'],
    ['"a" matches 1', 'matches does not take'],
    ['"a" matches "("', 'error parsing regexp: missing closing'],
    ['nothing()', 'no function "nothing"'],
    ['incidr("1.2.3.4")', 'takes 2 argument(s)'],
    ['incidr(1, "10.0.0.0/8")', 'takes string, not number'],
    ['#', '"#" is not expected'],
    ['"a', 'is not understood'],
    ['[1, 2', '"," is expected'],
    ['1 ? 2 : 3', 'true or false'],
    ['1 | 2', 'no function'],
    ['('.repeat(500), 'too deeply'],
  ])('%s', (text, problem) => {
    expect(() => resultOf(text)).toThrow(problem);
  });
});

test.each([
  '[1][5]',
  'any(["a"], # > 1)',
  'any([1], #)',
  'incidr("invalid", "1.2.3.0/24")',
  'int("x")',
  '1 % 0',
  '1..1000000',
])('fail when they are asked: %s', (text) => {
  expect(() => resultOf(text)).toThrow();
});

test.each([
  ['1.2.3.4', '1.2.0.0/16', true],
  ['10.2.3.4', '1.2.0.0/16', false],
  ['1:2::3:4', '1:2::/64', true],
  ['A:2::3:4', '1:2::/64', false],
])('%s is within %s: %s', (ip, cidr, expected) => {
  expect(isWithin(ip, cidr)).toBe(expected);
});

test.each([
  ['1.2.3.4', 'invalid'],
  ['invalid', '1.2.0.0/16'],
])('%s and %s make no sense', (ip, cidr) => {
  expect(() => isWithin(ip, cidr)).toThrow();
});
