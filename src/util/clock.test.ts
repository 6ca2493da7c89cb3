import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from './clock.ts';

const day = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('waits longer than a timer of Node.js can', () => {
  let done = 0;
  systemClock.after(60 * day, () => done++);
  vi.advanceTimersByTime(59 * day);
  expect(done).toBe(0);
  vi.advanceTimersByTime(day);
  expect(done).toBe(1);
});

test('what is cancelled on its way never comes', () => {
  let done = 0;
  const cancel = systemClock.after(60 * day, () => done++);
  vi.advanceTimersByTime(30 * day);
  cancel();
  vi.advanceTimersByTime(60 * day);
  expect(done).toBe(0);
});
