import { appendFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { logBytesMax, readLog } from './container-logs.ts';
import { headBytes, logEntry } from './log-text.ts';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tendril-logs-'));
  log = join(directory, '0.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** As entries, a line each; what has no end goes on. */
const entries = (written: string) =>
  (written.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => logEntry(line)).join('');

test.each<[string, number | undefined, string]>([
  ['a\nb\nc\n', undefined, 'a\nb\nc\n'],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\nb\n', 9, 'a\nb\n'],
  ['a\nb\n', 2, 'a\nb\n'],
  ['a\n\n\n', 2, '\n\n'],
  ['a\nb\n', 0, ''],
  ['', 3, ''],
])('%j with tailLines %s', async (written, tailLines, expected) => {
  await writeFile(log, entries(written));
  expect(await text(readLog(log, { tailLines }, () => true))).toBe(expected);
});

test('a line of many entries is one to tailLines', async () => {
  await writeFile(log, ['a\n', 'b', 'b', 'b\n', 'c', 'c\n'].map((part) => logEntry(part)).join(''));
  expect(await text(readLog(log, { tailLines: 2 }, () => true))).toBe('bbb\ncc\n');
});

test.each([1, 2, 3, 39, 40, 41, 64, 65])(
  'a tail across blocks, an entry’s head %i bytes before a block’s end',
  async (more) => {
    const line = `${'x'.repeat(999)}\n`;
    await writeFile(log, entries(`${'y'.repeat(more)}\n${line.repeat(300)}`));
    expect((await text(readLog(log, { tailLines: 200 }, () => true))).length).toBe(200_000);
  },
);

test('a container that wrote nothing has an empty log', async () => {
  expect(await text(readLog(log, {}, () => true))).toBe('');
});

test('follow goes on until the container has ended, and loses nothing', async () => {
  await writeFile(log, entries('one\n'));
  let ended = false;
  const stream = readLog(log, { follow: true }, () => ended);
  const read: string[] = [];
  for await (const chunk of stream) {
    read.push(String(chunk));
    if (read.length === 1) await appendFile(log, entries('two\n'));
    else {
      if (!ended) await appendFile(log, entries('three\n'));
      ended = true;
    }
  }
  expect(read.join('')).toBe('one\ntwo\nthree\n');
});

test('without follow the log ends where it ended when it was asked for, however fast it grows', async () => {
  const line = `${'x'.repeat(999)}\n`;
  await writeFile(log, entries(line.repeat(100)));
  let read = 0;
  for await (const chunk of readLog(log, { tailLines: 90 }, () => true)) {
    read += (chunk as Buffer).length;
    await appendFile(log, entries(line.repeat(70)));
  }
  expect(read).toBe(90_000);
});

describe('a log beyond its limit', () => {
  /** 100 bytes in the log, numbered. */
  const digits = 99 - headBytes;
  const line = (n: number) => `${String(n).padStart(digits, '0')}\n`;
  const lines = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => line(from + i)).join('');
  const head = logEntry('\n').slice(0, headBytes);
  const entries = (text: string) => `${head + text.slice(0, -1).replaceAll('\n', `\n${head}`)}\n`;
  const total = Math.ceil((logBytesMax * 1.5) / 100);
  const kept = Math.floor(logBytesMax / 100);
  const all = lines(0, total);

  test('is read from the first entry that is kept', async () => {
    await writeFile(log, entries(all));
    const last = (count: number) => all.slice(-count * (digits + 1));
    expect((await text(readLog(log, {}, () => true))) === last(kept)).toBe(true);
    expect(await text(readLog(log, { tailLines: 2 }, () => true))).toBe(last(2));
    expect((await text(readLog(log, { tailLines: total }, () => true))) === last(kept)).toBe(true);
  });

  test('is read to as much as was asked for, however fast it is written', async () => {
    await writeFile(log, entries(all));
    // More than a chunk for each.
    const more = entries(lines(total, 2000));
    let read = '';
    for await (const chunk of readLog(log, {}, () => true)) {
      read += String(chunk);
      if (read.length < 3 * logBytesMax) await appendFile(log, more);
    }
    const got = read.split('\n');
    expect(got.every((text) => text === '' || text.length === digits)).toBe(true);
    expect(Math.abs(got.length - kept)).toBeLessThan(100);
  });

  test('is followed on, whole lines all along', async () => {
    await writeFile(log, entries(lines(0, 10)) + logEntry('begun'));
    const more = entries(lines(10, total));
    let ended = false;
    const read: string[] = [];
    let tail = '';
    for await (const chunk of readLog(log, { follow: true }, () => ended)) {
      read.push(String(chunk));
      tail = (tail + read.at(-1)).slice(-100);
      if (tail.endsWith('begun')) appendFileSync(log, more);
      else if (tail.endsWith(line(9 + total))) ended = true;
    }
    const half = Math.floor(kept / 2);
    expect(read.join('') === `${lines(0, 10)}begun\n${lines(10 + total - half, half)}`).toBe(true);
  });
});
