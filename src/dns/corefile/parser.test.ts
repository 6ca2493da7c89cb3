import { describe, expect, test } from 'vitest';
import type { Directive } from './directive.ts';
import { parseBlocks, parseCorefile } from './parser.ts';
import type { CorefileSources } from './sources.ts';

const files: Record<string, string> = {
  '/conf/one.txt': 'dir2 arg1 arg2\ndir3',
  '/conf/two.txt': 'host1 {\n dir1\n dir2 arg1\n}',
  '/conf/glob0.txt': 'glob0.host0 {\n dir2 arg1\n}\nglob0.host1 {\n}',
  '/conf/glob1.txt': 'glob1.host0 {\n dir1\n dir2 arg1\n}',
  '/conf/glob2.txt': 'glob2.host0 {\n dir2 arg1\n}',
  '/conf/deep/a': 'localhost\ndir1\nimport b',
  '/conf/deep/b': 'dir2 1',
  '/conf/lines': 'prop1 1\nprop2 2',
  '/conf/ring-a': 'import ring-b',
  '/conf/ring-b': 'import ring-a',
  '/conf/word': 'http.example {\n basicauth / import password\n}',
  '/conf/common-user': 'example.com {\n import common\n}',
};

const sources: CorefileSources = {
  read: (path) => {
    if (files[path] === undefined) throw new Error('ENOENT');
    return files[path];
  },
  list: (directory) =>
    Object.keys(files)
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1).split('/')[0]!),
};

const parse = (text: string) => parseBlocks({ text, file: '/conf/Corefile', environment: {}, sources });

/** A directive as one line. */
function written({ name, args, block }: Directive): string {
  const words = [name, ...args].join(' ');
  return block === undefined ? words : `${words} { ${block.map(written).join('; ')} }`;
}

/** Caddy 1's cases: a text, and of each server block its keys and directives. */
test.each<[string, [string, ...string[]][]]>([
  ['localhost', [['localhost']]],
  ['localhost\n dir1', [['localhost', 'dir1']]],
  ['localhost:1234\n dir1 foo bar', [['localhost:1234', 'dir1 foo bar']]],
  ['localhost {\n dir1\n }', [['localhost', 'dir1']]],
  ['localhost\n{\n dir1\n }', [['localhost', 'dir1']]],
  ['localhost {\n dir1 foo bar\n dir2\n }', [['localhost', 'dir1 foo bar', 'dir2']]],
  ['a b\n dir1 foo', [['a b', 'dir1 foo']]],
  ['a, b {\n dir1 foo\n }', [['a b', 'dir1 foo']]],
  ['a,\n b,\n c', [['a b c']]],
  ['a\n dir1 foo {\n bar baz\n }\n dir2', [['a', 'dir1 foo { bar baz }', 'dir2']]],
  ['a\n dir1 {\n }', [['a', 'dir1 {  }']]],
  ['a\n dir1 {\n nested {\n foo\n }\n }\n dir2 x', [['a', 'dir1 { nested { foo } }', 'dir2 x']]],
  ['a\n dir1 arg1\n import one.txt', [['a', 'dir1 arg1', 'dir2 arg1 arg2', 'dir3']]],
  ['import two.txt', [['host1', 'dir1', 'dir2 arg1']]],
  ['import /conf/two.txt', [['host1', 'dir1', 'dir2 arg1']]],
  [
    'import glob*.txt',
    [
      ['glob0.host0', 'dir2 arg1'],
      ['glob0.host1'],
      ['glob1.host0', 'dir1', 'dir2 arg1'],
      ['glob2.host0', 'dir2 arg1'],
    ],
  ],
  ['import notfound/*', []],
  ['import deep/a', [['localhost', 'dir1', 'dir2 1']]],
  ['a\n dir1\n proxy {\n import lines\n last\n }', [['a', 'dir1', 'proxy { prop1 1; prop2 2; last }']]],
  ['import word', [['http.example', 'basicauth / import password']]],
  ['(common) {\n gzip foo\n errors stderr\n}\na {\n import common\n}', [['a', 'gzip foo', 'errors stderr']]],
  ['(common) {\n gzip foo\n}\nimport common-user', [['example.com', 'gzip foo']]],
  [
    '(up) {\n forward . {args.0} {args.1}\n}\na {\n import up 1.1.1.1 9.9.9.9\n}',
    [['a', 'forward . 1.1.1.1 9.9.9.9']],
  ],
  ['(a) {\n x\n}\n(b) {\n import a\n y\n}\nz {\n import b\n import a\n w\n}', [['z', 'x', 'y', 'x', 'w']]],
  ['a {\n}\nb {\n}', [['a'], ['b']]],
  ['""', []],
  ['', []],
])('server blocks of %j', (text, expected) => {
  const blocks = parse(text).map(({ words, directives }) => [
    words.map((word) => word.text).join(' '),
    ...directives.map(written),
  ]);
  expect(blocks).toEqual(expected);
});

test.each([
  ['a, {\n }', 1, 'another zone must follow'],
  ['a, b,', 1, 'another zone must follow'],
  ['a\n dir1 {\n foo', 2, 'never closed'],
  ['a {\n dir1', 1, 'never closed'],
  ['a\n dir1 {\n } }', 3, 'without the {'],
  ['a\n dir1\n }', 3, 'without the {'],
  ['a { dir1 }', 1, 'without the {'],
  ['a {\n dir1\n {\n }\n}', 3, 'opens on the line'],
  ['import one.txt two.txt', 1, 'one file or pattern'],
  ['import', 1, 'import takes'],
  ['\nimport not_found.txt', 2, '/conf/not_found.txt cannot be imported'],
  ['import }{$"', 1, 'cannot be imported'],
  ['import /*/*.txt', 1, 'one wildcard'],
  ['import /???/?*?o', 1, 'one wildcard'],
  ['import /[a-z]', 1, 'one wildcard'],
  ['import {$}', 1, 'cannot be imported'],
  ['import {%%}', 1, 'cannot be imported'],
  ['a\n proxy {\n import nonexistent\n }', 3, 'cannot be imported'],
  ['(a) {\n}\n(a) {\n}', 3, 'declared twice'],
  ['(a)\ndir', 1, 'needs braces'],
  ['{\n dir1\n}', 1, 'without a zone'],
])('refused: %j', (text, line, problem) => {
  expect(() => parse(text)).toThrow(
    new RegExp(`^/conf/Corefile:${line}: .*${problem.replace(/[{}]/g, '\\$&')}`),
  );
});

test.each([
  '(loop) {\nimport loop\n}\nimport loop',
  '(loop) {\n{ }\nimport loop\n}\nimport loop',
  'import ring-a',
])('a circle of imports is refused: %j', (text) => {
  expect(() => parse(text)).toThrow('a circle');
});

describe('keys', () => {
  const keysOf = (text: string, defaultPort?: number) =>
    parseCorefile({ text, file: 'Corefile', environment: {}, sources, defaultPort }).flatMap(({ keys }) =>
      keys.map(({ transport, zone, port }) => `${transport}://${zone}.:${port}`),
    );

  test.each([
    ['.', ['dns://.:53']],
    [':1053', ['dns://.:1053']],
    ['example.org', ['dns://example.org.:53']],
    ['EXAMPLE.ORG.', ['dns://example.org.:53']],
    ['example.org:1053 dns://example.com', ['dns://example.org.:1053', 'dns://example.com.:53']],
    ['tls://example.org', ['tls://example.org.:853']],
    ['tls://.:5553', ['tls://.:5553']],
    ['10.0.0.0/24:54', ['dns://0.0.10.in-addr.arpa.:54']],
    ['10.244.0.0/15', ['dns://244.10.in-addr.arpa.:53', 'dns://245.10.in-addr.arpa.:53']],
    ['fd00:10::/32', ['dns://0.1.0.0.0.0.d.f.ip6.arpa.:53']],
    ['fd00:10::/32:5353', ['dns://0.1.0.0.0.0.d.f.ip6.arpa.:5353']],
  ])('%s', (text, expected) => {
    expect(keysOf(text)).toEqual(expected);
  });

  test('a port for keys without one', () => {
    expect(keysOf('a b:99 tls://c', 1053)).toEqual(['dns://a.:1053', 'dns://b.:99', 'tls://c.:853']);
  });

  test.each([
    ['a..b', 'neither a domain name nor a CIDR'],
    ['example.org:', 'lacks its port'],
    ['example.org:70000', 'no port'],
    ['https://example.org', 'not served yet'],
    ['grpc://example.org', 'not served yet'],
    ['quic://example.org', 'not served yet'],
    ['gopher://example.org', 'no transport'],
    [`${'a.'.repeat(130)}org`, 'neither a domain name'],
  ])('no key: %s', (text, problem) => {
    expect(() => keysOf(text)).toThrow(problem);
  });
});
