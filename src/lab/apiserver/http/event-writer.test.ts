import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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
  const half = 'x'.repeat(40_000);
  await events.write(line(half));
  await events.write(line(half));
  expect(got.join('')).toBe(`${half}\n${half}\n`);
  await events.write(line('b'));
  events.end();
  expect(got.at(-1)).toBe('b\n');
  expect(out.writableEnded).toBe(true);
});

test('a long event goes in pieces, after what waits', async () => {
  using events = writer();
  await events.write(line('a'));
  const long = 'x'.repeat(200_000);
  await events.write(line(long));
  expect(got.join('')).toBe(`a\n${long}\n`);
  expect(Math.max(...got.map((piece) => piece.length))).toBe(64 * 1024);
});

describe('a client that does not read', () => {
  beforeEach(() => void out.pause());

  test('is handed one piece, and leaves no listeners behind when it reads again', async () => {
    using events = writer();
    const before = out.listenerCount('close');
    const written = events.write(line('x'.repeat(1_000_000)));
    vi.advanceTimersByTime(1000);
    expect(out.writableLength + out.readableLength).toBeLessThanOrEqual(64 * 1024);
    out.resume();
    await written;
    expect(out.listenerCount('close')).toBe(before);
    expect(out.listenerCount('drain')).toBe(0);
    expect(got.join('').length).toBe(1_000_001);
  });

  test('is cut off after a minute, and the writer told', async () => {
    using events = writer();
    const written = events.write(line('x'.repeat(1_000_000)));
    await Promise.resolve();
    vi.advanceTimersByTime(59_999);
    expect(out.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(out.destroyed).toBe(true);
    await written;
  });
});
