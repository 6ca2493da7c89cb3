import { expect, test } from 'vitest';
import { FakeNetwork, fakeNetns } from './fake-route-netlink.ts';
import { describeRouteNetlink } from './route-netlink.cases.ts';
import type { RouteEvent } from './route-netlink.ts';

describeRouteNetlink('the fake', () => {
  const network = new FakeNetwork();
  return { netns: [fakeNetns('here'), fakeNetns('there')], open: network.open, tearDown() {} };
});

test('the fake tells of changes, later, to those who asked for them', async () => {
  const network = new FakeNetwork();
  const events: RouteEvent[] = [];
  const watch = network.watch(undefined, ['link'], (event) => events.push(event));
  const netlink = network.open();
  const { index } = netlink.addLink({ kind: 'bridge', name: 'br0' });
  expect(events).toEqual([]);
  netlink.deleteLink(index);
  await Promise.resolve();
  expect(events.map((event) => event.type === 'link' && [event.link.name, event.deleted])).toEqual([
    ['br0', false],
    ['br0', true],
  ]);
  watch[Symbol.dispose]();
  netlink.addLink({ kind: 'bridge', name: 'br1' });
  await Promise.resolve();
  expect(events).toHaveLength(2);
});
