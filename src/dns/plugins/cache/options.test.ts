import { describe, expect, test } from 'vitest';
import { parseBlocks } from '../../corefile/parser.ts';
import { parseCacheOptions } from './options.ts';

describe('options', () => {
  const parse = (text: string) =>
    parseCacheOptions(
      parseBlocks({ text: `. {\n${text}\n}`, file: 'Corefile', environment: {} })[0]!.directives[0]!,
      { zones: [''] },
    );

  test.each([
    ['cache', 10_000, 10_000, 1800, 5, 3600, 5],
    ['cache {\n}', 10_000, 10_000, 1800, 5, 3600, 5],
    ['cache example.nl {\n success 10\n}', 10_000, 10, 1800, 5, 3600, 5],
    ['cache example.nl {\n success 10 1800 30\n}', 10_000, 10, 1800, 5, 1800, 30],
    ['cache example.nl {\n success 10\n denial 10 15\n}', 10, 10, 15, 5, 3600, 5],
    ['cache example.nl {\n success 10\n denial 10 15 2\n}', 10, 10, 15, 2, 3600, 5],
    ['cache 25 example.nl {\n success 10\n denial 10 15 5\n}', 10, 10, 15, 5, 25, 5],
    ['cache aaa example.nl', 10_000, 10_000, 1800, 5, 3600, 5],
  ])('%j', (text, denials, successes, maxDenial, minDenial, maxSuccess, minSuccess) => {
    const { success, denial } = parse(text);
    expect(denial).toMatchObject({ capacity: denials, maxTtl: maxDenial, minTtl: minDenial });
    expect(success).toMatchObject({ capacity: successes, maxTtl: maxSuccess, minTtl: minSuccess });
  });

  test.each([
    ['serve_stale', { upTo: 3600, verify: false, timeoutMs: 0, ttl: 0, recheckMs: 0 }],
    ['serve_stale 1h20m', { upTo: 4800, verify: false, timeoutMs: 0, ttl: 0, recheckMs: 0 }],
    ['serve_stale 0 VERIFY', { upTo: 0, verify: true, timeoutMs: 0, ttl: 0, recheckMs: 0 }],
    [
      'serve_stale 1h immediate 30s 20s',
      { upTo: 3600, verify: false, timeoutMs: 0, ttl: 30, recheckMs: 20_000 },
    ],
    [
      'serve_stale 1h verify 100ms 30s 5m',
      { upTo: 3600, verify: true, timeoutMs: 100, ttl: 30, recheckMs: 300_000 },
    ],
  ])('%s', (line, stale) => {
    expect(parse(`cache {\n ${line}\n}`).stale).toEqual(stale);
  });

  test.each([
    'cache 0 example.nl',
    'cache -1 example.nl',
    ...[
      'success',
      'denial aaa',
      'success 10 0',
      'success 10 5 -1',
      'positive 15',
      'prefetch',
      'prefetch -1',
      'prefetch 0 blurp',
      'prefetch 1 1m 5',
      'prefetch 1 1m 5%',
      'prefetch 1 1m 20% x',
      'serve_stale 20',
      'serve_stale -20m',
      'serve_stale aa',
      'serve_stale 1h sometimes',
      'serve_stale 1h immediate 1.5s',
      'serve_stale 1h immediate 1s 6m',
      'serve_stale 1h immediate 1s 1s 1s',
      'serve_stale_policy prefer_positive',
      'serve_stale\nserve_stale_policy x',
      'servfail',
      'servfail 6m',
      'servfail -1s',
      'disable',
      'disable invalid',
      'keepttl x',
    ].map((line) => `cache {\n${line}\n}`),
  ])('refused: %j', (text) => {
    expect(() => parse(text)).toThrow(/^Corefile:\d+: /);
  });
});
