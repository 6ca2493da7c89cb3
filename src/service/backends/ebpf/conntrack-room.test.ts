import { expect, test } from 'vitest';
import { ConntrackRoom } from './conntrack-room.ts';

test('a full map of connections is told of while new ones are refused, and half a minute longer', () => {
  const room = new ConntrackRoom(1000, 5);
  expect(room.check(5, 0)).toBeUndefined();
  expect(room.check(8, 1000)).toMatchObject({
    code: 'MAP_FULL',
    message: expect.stringMatching(/conntrack is full with 1000 entries.*: 3 packets/),
    remedy: expect.stringContaining('mapSizes.conntrack'),
  });
  expect(room.check(9, 2000)?.message).toContain(': 4 packets');
  expect(room.check(9, 31_999)?.message).toContain(': 4 packets');
  expect(room.check(9, 32_000)).toBeUndefined();
  expect(room.check(10, 90_000)?.message).toContain(': 1 packets');
});
