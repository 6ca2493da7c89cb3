import { expect, test } from 'vitest';
import { blockHolds, ipBlock } from './ip-block.ts';

test.each([
  ['10.0.1.77/24', [], '10.0.1.0/24'],
  ['10.0.0.0/8', ['10.2.0.0/16', '10.1.0.0/16', '10.1.0.0/16'], '10.0.0.0/8 except 10.1.0.0/16 10.2.0.0/16'],
  ['FD00::/8', ['fd00:0::/16'], 'fd00::/8 except fd00::/16'],
  // Of another family, and beside it.
  ['10.0.0.0/8', ['fd00::/16', '11.0.0.0/8'], '10.0.0.0/8'],
  ['::ffff:10.0.2.0/120', [], '10.0.2.0/24'],
  ['::ffff:0.0.0.0/96', [], '0.0.0.0/0'],
  ['::ffff:10.0.0.0/64', [], '::/64'],
  ['10.0.0.0/8', ['10.0.0.0/8'], undefined],
  ['10.0.0.0/8', ['10.0.0.0/7'], undefined],
  ['10.0.0.0/8', ['nonsense'], undefined],
  ['10.0.0.0/33', [], undefined],
  ['10.0.0.0', [], undefined],
])('%s except %j', (cidr, except, text) => expect(ipBlock({ cidr, except })?.text).toBe(text));

test('holds what is in its CIDR and not excepted', () => {
  const block = ipBlock({ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] })!;
  expect(['10.0.0.1', '10.1.0.1', '11.0.0.1', 'fd00::1'].filter((ip) => blockHolds(block, ip))).toEqual([
    '10.0.0.1',
  ]);
});
