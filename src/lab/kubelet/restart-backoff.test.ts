import { expect, test } from 'vitest';
import { RestartBackoff } from './restart-backoff.ts';

test('a container that crashes at once waits 0, 10, 20, 40, 80, 160, 300, 300 seconds', () => {
  const backoff = new RestartBackoff();
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 8; i++) {
    const due = backoff.dueAt(now);
    waits.push((due - now) / 1000);
    backoff.restarted(now, due);
    now = due;
  }
  expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

test('ten quiet minutes reset the count', () => {
  const backoff = new RestartBackoff();
  backoff.restarted(0, 0);
  backoff.restarted(10_000, 20_000);
  expect(backoff.dueAt(620_000)).toBe(640_000);
  expect(backoff.dueAt(620_001)).toBe(620_001);
});
