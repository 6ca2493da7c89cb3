import { expect, test } from 'vitest';
import type { NetnsHandle } from '../netns/netns.ts';
import { FakeNftables } from './fake-nftables.ts';
import { describeNftables } from './nftables.cases.ts';

const handle = (id: string): NetnsHandle => ({ fd: -1, path: id, id, close() {}, [Symbol.dispose]() {} });

describeNftables('the fake', () => ({
  nftables: new FakeNftables(),
  netns: [handle('here'), handle('there')],
  tearDown() {},
}));

test('the fake fails when told to, once', async () => {
  const nftables = new FakeNftables();
  nftables.failNext('Could not process rule: Device or resource busy');
  await expect(nftables.apply(undefined, 'table ip a')).rejects.toThrow(/busy/);
  await nftables.apply(undefined, 'table ip a');
  expect(nftables.applied).toEqual([{ netns: '', ruleset: 'table ip a' }]);
});
