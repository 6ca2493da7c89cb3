import { expect, test } from 'vitest';
import { FakeClock } from '../../../util/clock.ts';
import { Expectations } from './expectations.ts';

test('unsatisfied until all that was asked for has been seen', () => {
  const expectations = new Expectations(new FakeClock());
  expect(expectations.satisfied('a')).toBe(true);
  expectations.expectCreations('a', 2);
  expectations.expectDeletion('a', 'uid-1');
  expectations.creationSeen('a');
  expectations.creationSeen('a');
  expect(expectations.satisfied('a')).toBe(false);
  expectations.deletionSeen('a', 'uid-other');
  expect(expectations.satisfied('a')).toBe(false);
  expectations.deletionSeen('a', 'uid-1');
  expect(expectations.satisfied('a')).toBe(true);
});

test('what was never seen is given up after five minutes', async () => {
  const clock = new FakeClock();
  const expectations = new Expectations(clock);
  expectations.expectCreations('a', 1);
  await clock.advance(299_000);
  expect(expectations.satisfied('a')).toBe(false);
  await clock.advance(2_000);
  expect(expectations.satisfied('a')).toBe(true);
});
