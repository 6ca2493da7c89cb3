import { expect, test } from 'vitest';
import { CidrSet } from './plan.ts';

test('nodes get /24s and /64s, lowest first', () => {
  const v4 = new CidrSet('10.244.0.0/16');
  const v6 = new CidrSet('fd00:10:244::/56');
  expect([v4.allocate(), v4.allocate()]).toEqual(['10.244.0.0/24', '10.244.1.0/24']);
  expect([v6.allocate(), v6.allocate()]).toEqual(['fd00:10:244::/64', 'fd00:10:244:1::/64']);
});

test('what nodes have already is not given out; what they leave is', () => {
  const set = new CidrSet('10.244.0.0/22');
  set.occupy('10.244.1.0/24');
  set.occupy('fd00::/64');
  expect([set.allocate(), set.allocate()]).toEqual(['10.244.0.0/24', '10.244.2.0/24']);
  set.release('10.244.1.0/24');
  expect([set.allocate(), set.allocate()]).toEqual(['10.244.1.0/24', '10.244.3.0/24']);
  expect(() => set.allocate()).toThrow(/no \/24 is left in 10.244.0.0\/22/);
});
