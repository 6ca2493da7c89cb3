import { expect, test } from 'vitest';
import { FakeClock } from './clock.ts';
import { WorkQueue } from './work-queue.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a key added many times before its turn is one piece of work', async () => {
  const done: string[] = [];
  const queue = new WorkQueue({ process: (key) => void done.push(key) });
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  await queue.idle();
  expect(done).toEqual(['a', 'b']);
});

test('a key added while it is worked on is worked on again, never twice at once', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const queue = new WorkQueue({
    process: async (key) => {
      most = Math.max(most, ++running);
      if (++runs === 1) queue.add(key);
      await nextTurn();
      running--;
    },
  });
  queue.add('a');
  await queue.idle();
  expect([runs, most]).toEqual([2, 1]);
});

test('different keys run side by side, up to the limit', async () => {
  let running = 0;
  let most = 0;
  const queue = new WorkQueue({
    concurrency: 2,
    process: async () => {
      most = Math.max(most, ++running);
      await nextTurn();
      running--;
    },
  });
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
  await queue.idle();
  expect(most).toBe(2);
});

test('failed work is retried with a growing delay, which success resets', async () => {
  const clock = new FakeClock();
  const times: number[] = [];
  const queue = new WorkQueue({
    clock,
    retry: { initialMs: 10, maxMs: 1000 },
    process: () => {
      times.push(clock.now());
      if (times.length < 4) throw new Error('not yet');
    },
  });
  queue.add('a');
  await queue.idle();
  for (let i = 0; i < 100; i++) await clock.advance(1);
  expect(times).toEqual([0, 10, 30, 70]);
});

test('of several delays the earliest counts, and nothing runs after stop', async () => {
  const clock = new FakeClock();
  const times: number[] = [];
  const queue = new WorkQueue({ clock, process: () => void times.push(clock.now()) });
  queue.addAfter('a', 50);
  queue.addAfter('a', 20);
  queue.addAfter('a', 80);
  await clock.advance(100);
  await queue.idle();
  expect(times).toHaveLength(1);
  queue.addAfter('a', 20);
  queue.add('b');
  queue.stop();
  await clock.advance(100);
  expect(times).toHaveLength(1);
});
