/** When people learn that connections are refused for want of room, and when they are told no more. */
import { beforeEach, expect, it } from 'vitest';
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { FakeClock } from '../../../util/clock.ts';
import { createLogger } from '../../../util/logger.ts';
import { DropWatch } from './drop-watch.ts';

let drops: Record<string, number>;
let log: string[];
let clock: FakeClock;
let watch: DropWatch;

beforeEach(() => {
  drops = { 'conntrack full': 5 };
  log = [];
  clock = new FakeClock();
  watch = new DropWatch({
    datapath: {
      drops: () => drops,
      dropEvents: () => ({ drain: () => 0, close() {}, [Symbol.dispose]() {} }),
      map: () => ({ maxEntries: 64 }) as BpfMap,
    },
    clock,
    logger: createLogger({ write: (line) => void log.push(JSON.parse(line).msg) }),
  });
  watch.start();
});

it('says nothing of what was dropped before it watched, or for other reasons', async () => {
  drops = { 'conntrack full': 5, ttl: 1 };
  await clock.advance(1000);
  expect(watch.connectionsRefused()).toBeUndefined();
  expect(log).toEqual([]);
});

it('logs the refusal once, tells it with the remedy while it goes on, and again when it comes back', async () => {
  for (const refused of [6, 7, 8]) {
    drops = { 'conntrack full': refused };
    await clock.advance(1000);
  }
  expect(watch.connectionsRefused()).toMatchObject({
    code: 'MAP_FULL',
    remedy: expect.stringContaining('mapSizes.conntrack'),
  });
  expect(log).toEqual(['new connections are refused']);
  await clock.advance(60_000);
  expect(watch.connectionsRefused()).toBeUndefined();
  drops = { 'conntrack full': 9 };
  await clock.advance(1000);
  expect(log).toHaveLength(2);
});

it('looks no more once it has stopped', async () => {
  watch.stop();
  drops = { 'conntrack full': 6 };
  await clock.advance(5000);
  expect(watch.connectionsRefused()).toBeUndefined();
  expect(watch.recent()).toEqual([]);
});
