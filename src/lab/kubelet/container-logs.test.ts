import { appendFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import { silentLogger } from '../../util/logger.ts';
import { keepLogsLimited, limitLog } from './container-log-limit.ts';
import { logBytesMax, readLog } from './container-logs.ts';

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

describe('a log beyond its limit', () => {
  /** 100 bytes, numbered. */
  const line = (n: number) => `${String(n).padStart(99, '0')}\n`;
  const lines = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => line(from + i)).join('');
  const total = Math.ceil((logBytesMax * 1.5) / 100);
  const kept = Math.floor(logBytesMax / 100);

  test('takes no more than that, and its last lines are read', async () => {
    await writeFile(log, lines(0, total));
    await limitLog(log);
    const { size, blocks } = await stat(log);
    expect(size).toBe(total * 100);
    expect(blocks * 512).toBeLessThan(logBytesMax + 2 ** 20);
    expect(await text(readLog(log, {}, () => true))).toBe(lines(total - kept, kept));
    expect(await text(readLog(log, { tailLines: 2 }, () => true))).toBe(lines(total - 2, 2));
    expect(await text(readLog(log, { tailLines: total }, () => true))).toBe(lines(total - kept, kept));
  });

  test('is followed on, whole lines all along', async () => {
    await writeFile(log, lines(0, 10));
    let ended = false;
    let read = '';
    for await (const chunk of readLog(log, { follow: true }, () => ended)) {
      read += String(chunk);
      if (read.length === 1000) {
        appendFileSync(log, lines(10, total));
        await limitLog(log);
      } else if (read.endsWith(line(9 + total))) ended = true;
    }
    expect(read).toBe(lines(0, 10) + lines(10 + total - kept, kept));
  });

  test('is limited again and again', async () => {
    const clock = new FakeClock(0);
    const stop = keepLogsLimited(() => [join(directory, 'none'), log], { clock, logger: silentLogger });
    for (let rounds = 0; rounds < 2; rounds++) {
      await appendFile(log, lines(rounds * total, total));
      while ((await stat(log)).blocks * 512 > logBytesMax + 2 ** 20) await clock.advance(1000);
    }
    stop();
  });
});
