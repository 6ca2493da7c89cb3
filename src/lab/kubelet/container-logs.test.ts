import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLog } from './container-logs.ts';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tendril-logs-'));
  log = join(directory, '0.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test.each<[string, number | undefined, string]>([
  ['a\nb\nc\n', undefined, 'a\nb\nc\n'],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\nb\n', 9, 'a\nb\n'],
  ['a\nb\n', 0, ''],
  ['', 3, ''],
])('%j with tailLines %s', async (written, tailLines, expected) => {
  await writeFile(log, written);
  expect(await text(readLog(log, { tailLines }, () => true))).toBe(expected);
});

test('a tail across blocks', async () => {
  const line = `${'x'.repeat(999)}\n`;
  await writeFile(log, line.repeat(300));
  expect((await text(readLog(log, { tailLines: 200 }, () => true))).length).toBe(200_000);
});

test('a container that wrote nothing has an empty log', async () => {
  expect(await text(readLog(log, {}, () => true))).toBe('');
});

test('follow goes on until the container has ended, and loses nothing', async () => {
  await writeFile(log, 'one\n');
  let ended = false;
  const stream = readLog(log, { follow: true }, () => ended);
  const read: string[] = [];
  for await (const chunk of stream) {
    read.push(String(chunk));
    if (read.length === 1) await appendFile(log, 'two\n');
    else {
      if (!ended) await appendFile(log, 'three\n');
      ended = true;
    }
  }
  expect(read.join('')).toBe('one\ntwo\nthree\n');
});

test('without follow the log ends where it ended when it was asked for, however fast it grows', async () => {
  const line = `${'x'.repeat(999)}\n`;
  await writeFile(log, line.repeat(100));
  let read = 0;
  for await (const chunk of readLog(log, { tailLines: 90 }, () => true)) {
    read += (chunk as Buffer).length;
    await appendFile(log, line.repeat(70));
  }
  expect(read).toBe(90_000);
});
