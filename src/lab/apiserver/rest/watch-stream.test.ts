import { expect, test } from 'vitest';
import type { KubeObject } from '../../../kube/meta.ts';
import { type StreamEvent, WatchStream } from './watch-stream.ts';

const megabyte = 1024 * 1024;
const eventOf = (name: string, bytes = 0): StreamEvent => ({
  type: 'MODIFIED',
  object: Object.freeze({ metadata: { name }, text: 'x'.repeat(bytes) }) as unknown as KubeObject,
});

async function namesOf(stream: WatchStream): Promise<string[]> {
  const names: string[] = [];
  for await (const { object } of stream) names.push((object as KubeObject).metadata.name);
  return names;
}

test('a watch may begin with however much there is', async () => {
  const stream = new WatchStream();
  for (let i = 0; i < 100; i++) stream.push(eventOf(`${i}`, megabyte));
  stream.pushChange(eventOf('last'));
  stream.close();
  expect((await namesOf(stream)).at(-1)).toBe('last');
});

test('a reader that is megabytes behind with changes is cut off, and nothing is kept for it', async () => {
  const stream = new WatchStream();
  let closed = false;
  stream.onClose(() => {
    closed = true;
  });
  for (let i = 0; i < 64 + 8; i++) stream.pushChange(eventOf(`${i}`, i < 64 ? 0 : megabyte - 100));
  expect(closed).toBe(false);
  stream.pushChange(eventOf('more', megabyte));
  expect(closed).toBe(true);
  expect(await namesOf(stream)).toEqual([]);
});

test('a reader that keeps up is never cut off', async () => {
  const stream = new WatchStream();
  const events = stream[Symbol.asyncIterator]();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 70; i++) stream.pushChange(eventOf(`${i}`, megabyte));
    for (let i = 0; i < 70; i++) expect((await events.next()).done).toBe(false);
  }
  await events.return?.();
});

test.each([0, 1, 2, 3, 4, 5, 6])(
  'loses nothing that comes %i steps after its reader began to wait',
  async (steps) => {
    const stream = new WatchStream();
    const reader = stream[Symbol.asyncIterator]();
    const next = reader.next();
    for (let step = 0; step < steps; step++) await Promise.resolve();
    stream.push(eventOf('a'));
    expect((await next).value).toMatchObject({ object: { metadata: { name: 'a' } } });
  },
);
