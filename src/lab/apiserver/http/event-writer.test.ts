import { once } from 'node:events';
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
  drained = 0;
  out = new PassThrough();
  out.on('data', (chunk) => got.push(String(chunk)));
});
afterEach(() => vi.useRealTimers());

let drained: number;
const writer = () => new EventWriter(out as unknown as ServerResponse, () => drained++);

test('the first event goes at once, those that follow shortly after go together', () => {
  using events = writer();
  events.write(line('a'));
  vi.advanceTimersByTime(0);
  expect(got).toEqual(['a\n']);
  events.write(line('b'));
  vi.advanceTimersByTime(10);
  events.write(line('c'));
  expect(got).toEqual(['a\n']);
  vi.advanceTimersByTime(10);
  expect(got).toEqual(['a\n', 'b\nc\n']);
});

test('after a pause one goes at once again', () => {
  using events = writer();
  events.write(line('a'));
  vi.advanceTimersByTime(1000);
  events.write(line('b'));
  vi.advanceTimersByTime(0);
  expect(got).toEqual(['a\n', 'b\n']);
});

test('much does not wait, and the end takes along what does', () => {
  using events = writer();
  const half = 'x'.repeat(40_000);
  events.write(line(half));
  events.write(line(half));
  expect(got.join('')).toBe(`${half}\n${half}\n`);
  events.write(line('b'));
  events.end();
  expect(got.at(-1)).toBe('b\n');
  expect(out.writableEnded).toBe(true);
});

test('a long event goes in pieces, after what waits', () => {
  using events = writer();
  events.write(line('a'));
  const long = 'x'.repeat(200_000);
  events.write(line(long));
  expect(got.join('')).toBe(`a\n${long}\n`);
  expect(Math.max(...got.map((piece) => piece.length))).toBe(64 * 1024);
});

describe('a client that does not read', () => {
  beforeEach(() => void out.pause());

  test('is handed one piece or two, and the writer goes on when it reads again', async () => {
    using events = writer();
    events.write(line('x'.repeat(1_000_000)));
    vi.advanceTimersByTime(1000);
    expect(out.writableLength + out.readableLength).toBeLessThanOrEqual(2 * 64 * 1024);
    expect([events.isFull, drained]).toEqual([true, 0]);
    out.resume();
    await vi.waitFor(() => expect([events.isFull, drained]).toEqual([false, 1]));
    events.end();
    await once(out, 'finish');
    expect(got.join('').length).toBe(1_000_001);
  });

  test('leaves no listeners behind', () => {
    const before = out.listenerCount('drain');
    writer()[Symbol.dispose]();
    expect(out.listenerCount('drain')).toBe(before);
  });

  test('is cut off after a minute', () => {
    using events = writer();
    events.write(line('x'.repeat(1_000_000)));
    vi.advanceTimersByTime(59_999);
    expect(out.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect([out.destroyed, events.isFull]).toEqual([true, true]);
  });
});
