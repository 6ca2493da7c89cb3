import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseCidr } from '../../net/cidr.ts';
import { parseIp } from '../../net/ip.ts';
import { createNetns, deleteNetns, type NetnsHandle, openNetns } from '../netns/netns.ts';
import { Poller } from '../poller/poller.ts';
import { openRouteNetlink } from './kernel-route-netlink.ts';
import type { RouteEvent, RouteNetlink } from './route-netlink.ts';
import { watchRoutes } from './route-watch.ts';

let directory: string;
let netns: NetnsHandle;
let netlink: RouteNetlink;
let poller: Poller;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-watch-'));
  createNetns(join(directory, 'a'));
  netns = openNetns(join(directory, 'a'));
  netlink = openRouteNetlink(netns);
  poller = new Poller();
});

afterEach(() => {
  poller.close();
  netlink.close();
  netns.close();
  deleteNetns(join(directory, 'a'));
  rmSync(directory, { recursive: true });
});

test('changes are told in their order, of both families', async () => {
  const events: RouteEvent[] = [];
  using _watch = watchRoutes(netns, ['link', 'address', 'route'], (event) => events.push(event), { poller });
  const a = netlink.addLink({ kind: 'veth', name: 'a', up: true, peer: { name: 'b', up: true } });
  netlink.ensureAddress({ link: a.index, ip: parseIp('10.1.0.1'), prefix: 24 });
  netlink.ensureAddress({ link: a.index, ip: parseIp('fd00::1'), prefix: 64, noDad: true });
  netlink.ensureRoute({ family: 4, destination: parseCidr('10.9.0.0/16'), link: a.index, protocol: 84 });
  // The kernel tells of an IPv6 address when its duplicate address detection is over, or left out.
  await vi.waitFor(() => expect(addedFamilies(events)).toEqual(expect.arrayContaining([4, 6])));
  netlink.deleteLink(a.index);
  const deletion = { type: 'link', deleted: true, link: expect.objectContaining({ name: 'a' }) };
  await vi.waitFor(() => expect(events).toContainEqual(expect.objectContaining(deletion)));
  const route = events.find((event) => event.type === 'route' && event.route.protocol === 84);
  expect(route).toMatchObject({ deleted: false, route: { destination: parseCidr('10.9.0.0/16') } });
  expect(events[0]).toMatchObject({ type: 'link', deleted: false, link: { name: 'b' } });
});

test('a thousand changes are not lost while the program is busy', async () => {
  const seen = new Set<string>();
  using _watch = watchRoutes(
    netns,
    ['route'],
    (event) => seen.add(event.type === 'route' ? JSON.stringify(event.route.destination) : event.type),
    { poller },
  );
  for (let i = 0; i < 1000; i++) {
    const destination = parseCidr(`10.${i >> 8}.${i & 255}.0/24`);
    netlink.ensureRoute({ family: 4, destination, type: 'blackhole' });
  }
  await vi.waitFor(() => expect(seen.size).toBe(1000));
});

test('an overrun is told, and what happens after it too', async () => {
  const events: RouteEvent[] = [];
  const options = { poller, bufferSize: 4096 };
  using _watch = watchRoutes(netns, ['link'], (event) => events.push(event), options);
  for (let i = 0; i < 50; i++) netlink.addLink({ kind: 'bridge', name: `br${i}` });
  await vi.waitFor(() => expect(events).toContainEqual({ type: 'lost' }));
  netlink.addLink({ kind: 'bridge', name: 'later' });
  const later = { type: 'link', link: expect.objectContaining({ name: 'later' }) };
  await vi.waitFor(() => expect(events).toContainEqual(expect.objectContaining(later)));
});

test('nothing is told after the end', async () => {
  const handler = vi.fn();
  const watch = watchRoutes(netns, ['link'], handler, { poller });
  netlink.addLink({ kind: 'bridge', name: 'br0' });
  watch[Symbol.dispose]();
  await new Promise((resolve) => setImmediate(resolve));
  expect(handler).not.toHaveBeenCalled();
});

const addedFamilies = (events: RouteEvent[]) =>
  events.flatMap((event) => (event.type === 'address' && !event.deleted ? [event.address.ip.family] : []));
