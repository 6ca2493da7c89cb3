import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventWriter } from './event-writer.ts';

/** What the client has got, one entry for each write. */
let got: string[];
let out: PassThrough;
const line = (text: string) => Buffer.from(`${text}\n`);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  got = [];
  out = new PassThrough();
  out.on('data', (chunk) => got.push(String(chunk)));
});
afterEach(() => vi.useRealTimers());

const writer = () => new EventWriter(out as unknown as ServerResponse);

test('the first event goes at once, those that follow shortly after go together', async () => {
  using events = writer();
  await events.write(line('a'));
  vi.advanceTimersByTime(0);
  expect(got).toEqual(['a\n']);
  await events.write(line('b'));
  vi.advanceTimersByTime(10);
  await events.write(line('c'));
  expect(got).toEqual(['a\n']);
  vi.advanceTimersByTime(10);
  expect(got).toEqual(['a\n', 'b\nc\n']);
});

test('after a pause one goes at once again', async () => {
  using events = writer();
  await events.write(line('a'));
  vi.advanceTimersByTime(1000);
  await events.write(line('b'));
  vi.advanceTimersByTime(0);
  expect(got).toEqual(['a\n', 'b\n']);
});

test('much does not wait, and the end takes along what does', async () => {
  using events = writer();
  const long = 'x'.repeat(70_000);
  void events.write(line(long));
  expect(got.join('')).toBe(`${long}\n`);
  void events.write(line('b'));
  events.end();
  expect(got.at(-1)).toBe('b\n');
  expect(out.writableEnded).toBe(true);
});
