import { expect, test } from 'vitest';
import { createSyncPace } from './sync-pace.ts';

const after = (syncs: readonly number[]): number => {
  const pace = createSyncPace();
  return syncs.map((ms) => pace(ms)).at(-1)!;
};
const many = (ms: number) => new Array<number>(100).fill(ms);

test('syncs keep a fifth of the time', () => {
  expect(after(many(1))).toBeCloseTo(4, 2);
  expect(after(many(5))).toBeCloseTo(20, 2);
});

test('no change waits for longer than 50 ms', () => {
  expect(after(many(13))).toBeCloseTo(50, 2);
  expect(after(many(5000))).toBeCloseTo(50, 2);
});

test('one long sync, as the first is, delays what follows but little', () => {
  expect(after([2000])).toBeLessThan(7);
  expect(after([...many(1), 2000])).toBeLessThan(10);
});
