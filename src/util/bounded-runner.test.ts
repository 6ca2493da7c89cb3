import { expect, test } from 'vitest';
import { BoundedRunner } from './bounded-runner.ts';
import { FakeClock } from './clock.ts';

test('requests during the interval are served by one run at its end', async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const runner = new BoundedRunner({ run: () => void runs.push(clock.now()), minIntervalMs: 100, clock });
  runner.request();
  runner.request();
  await clock.advance(0);
  expect(runs).toEqual([0]);
  runner.request();
  runner.request();
  await clock.advance(99);
  expect(runs).toEqual([0]);
  await clock.advance(1);
  expect(runs).toEqual([0, 100]);
});

test('the interval can depend on how long the run took', async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const took = [5, 20, 0];
  const runner = new BoundedRunner({
    run: async () => {
      runs.push(clock.now());
      runner.request();
      await clock.sleep(took[runs.length - 1] ?? 1000);
    },
    minIntervalMs: (lastRunMs) => 2 * lastRunMs,
    clock,
  });
  runner.request();
  await clock.advance(200);
  expect(runs).toEqual([0, 15, 75, 75]);
});

test('a request during a run leads to one more run', async () => {
  const clock = new FakeClock();
  let runs = 0;
  const runner = new BoundedRunner({
    run: () => {
      runs++;
      if (runs === 1) runner.request();
    },
    clock,
  });
  runner.request();
  await clock.advance(0);
  await clock.advance(0);
  expect(runs).toBe(2);
});

test('a failed run is told and retried with growing delays until it succeeds', async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const errors: string[] = [];
  const runner = new BoundedRunner({
    run: () => {
      runs.push(clock.now());
      if (runs.length < 3) throw new Error(`failure ${runs.length}`);
    },
    retry: { initialMs: 10, maxMs: 1000 },
    onError: (error) => errors.push((error as Error).message),
    clock,
  });
  runner.request();
  await clock.advance(1000);
  expect(runs).toEqual([0, 10, 30]);
  expect(errors).toEqual(['failure 1', 'failure 2']);
});

test('after stop nothing runs, and who waits for idle is released', async () => {
  const clock = new FakeClock();
  let runs = 0;
  const runner = new BoundedRunner({ run: () => void runs++, clock });
  runner.request();
  const idle = runner.idle();
  runner.stop();
  await clock.advance(100);
  await idle;
  expect(runs).toBe(0);
});
