import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readBody } from './answer.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const read = (stream: PassThrough) =>
  readBody(stream as unknown as IncomingMessage, { server: 'https://api', idleMs: 300 });

/** What was written has been read. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('an answer that merely takes long is read whole', async () => {
  const stream = new PassThrough();
  const body = read(stream);
  for (const character of 'a long answer') {
    stream.write(character);
    await settled();
    vi.advanceTimersByTime(299);
  }
  stream.end();
  expect(await body).toBe('a long answer');
});

test('one that pauses for longer is given up', async () => {
  const stream = new PassThrough();
  const body = read(stream);
  stream.write('half');
  await settled();
  vi.advanceTimersByTime(301);
  await expect(body).rejects.toMatchObject({
    code: 'API_UNREACHABLE',
    cause: { message: 'nothing more came within 0.3 s' },
  });
});
