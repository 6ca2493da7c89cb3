import { describe, expect, test } from 'vitest';
import { LogText, type LogTextOptions, logEntry } from './log-text.ts';

const at = Date.parse('2026-11-26T17:00:00.250Z');
const log = [
  logEntry('first\n', { ms: at }),
  logEntry('half', { ms: at + 1000 }),
  logEntry(' line\n', { ms: at + 2000 }),
  logEntry('wrong\n', { ms: at + 3000, stream: 'stderr' }),
  logEntry('$ ', { ms: at + 4000 }),
].join('');

test('an entry has CRI’s form', () => {
  expect(log.split('\n').slice(0, 2)).toEqual([
    '2026-11-26T17:00:00.250000000Z stdout F first',
    '2026-11-26T17:00:01.250000000Z stdout P half',
  ]);
});

describe.each([1, 7, 64, log.length])('in pieces of %i bytes', (size) => {
  const read = (options: LogTextOptions) => {
    const text = new LogText(options);
    const bytes = Buffer.from(log);
    let read = '';
    for (let i = 0; i < bytes.length; i += size) read += String(text.take(bytes.subarray(i, i + size)));
    return read;
  };

  test.each<[LogTextOptions, string]>([
    [{}, 'first\nhalf line\nwrong\n$ '],
    [{ stream: 'stdout' }, 'first\nhalf line\n$ '],
    [{ stream: 'stderr' }, 'wrong\n'],
    [{ since: at + 1 }, 'half line\nwrong\n$ '],
    [{ since: at + 3000 }, 'wrong\n$ '],
    [{ since: at + 5000 }, ''],
    [
      { timestamps: true, since: at + 1000 },
      '2026-11-26T17:00:01.250000000Z half line\n2026-11-26T17:00:03.250000000Z wrong\n2026-11-26T17:00:04.250000000Z $ ',
    ],
  ])('%j', (options, expected) => {
    expect(read(options)).toBe(expected);
  });
});

test('what is skipped amid a line ends it', () => {
  const text = new LogText({});
  expect(String(text.take(Buffer.from(logEntry('half'))))).toBe('half');
  expect([String(text.skip()), String(text.skip())]).toEqual(['\n', '']);
  expect(String(text.take(Buffer.from(logEntry('next\n'))))).toBe('next\n');
});
