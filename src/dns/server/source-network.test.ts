import { expect, test } from 'vitest';
import { networkOf } from './source-network.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::'],
  ['2001:db8::5', '2001:db8:0:0::'],
  ['::1', '0:0:0:0::'],
  ['fe80::1%eth0', 'fe80:0:0:0::'],
  ['fd00:244:1:2::', 'fd00:244:1:2::'],
  ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
