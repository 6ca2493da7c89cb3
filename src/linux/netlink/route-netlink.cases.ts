/** What every RouteNetlink does: the kernel's, and the fake that stands in for it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Cidr, formatCidr, parseCidr } from '../../net/cidr.ts';
import { formatIp, parseIp } from '../../net/ip.ts';
import { formatMac, parseMac } from '../../net/mac.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import type { Address, Route, RouteNetlink } from './route-netlink.ts';

export interface RouteNetlinkSetup {
  /** Two fresh namespaces, each with a loopback that is up and nothing else. */
  netns: [NetnsHandle, NetnsHandle];
  open(netns: NetnsHandle): RouteNetlink;
  tearDown(): void;
}

const ip = parseIp;
const cidr = (text: string): Cidr => parseCidr(text);
const printRoute = ({ destination, gateway, link, family }: Route) =>
  [
    destination ? formatCidr(destination) : `default${family}`,
    gateway && `via ${formatIp(gateway)}`,
    link && `dev ${link}`,
  ]
    .filter(Boolean)
    .join(' ');
const printAddress = ({ ip: address, prefix }: Address) => `${formatIp(address)}/${prefix}`;

export function describeRouteNetlink(name: string, setUp: () => RouteNetlinkSetup): void {
  let setup: RouteNetlinkSetup;
  let here: RouteNetlink;
  let there: RouteNetlink;

  beforeEach(() => {
    setup = setUp();
    [here, there] = setup.netns.map((netns) => setup.open(netns)) as [RouteNetlink, RouteNetlink];
  });
  afterEach(() => {
    here.close();
    there.close();
    setup.tearDown();
  });

  /** A veth pair, both ends here and up; `a` has an address of each family. */
  function pair(): { a: number; b: number } {
    const a = here.addLink({ kind: 'veth', name: 'a', up: true, peer: { name: 'b', up: true } });
    here.ensureAddress({ link: a.index, ip: ip('10.1.0.1'), prefix: 24 });
    here.ensureAddress({ link: a.index, ip: ip('fd00:1::1'), prefix: 64, noDad: true });
    return { a: a.index, b: here.link('b')!.index };
  }

  describe(`links of ${name}`, () => {
    test('a fresh namespace has its loopback', () => {
      expect(here.links()).toMatchObject([
        { index: 1, name: 'lo', kind: '', mtu: 65536, up: true, running: true },
      ]);
      expect(here.link('lo')).toEqual(here.link(1));
    });

    test('what does not exist is undefined', () => {
      expect(here.link('none')).toBeUndefined();
      expect(here.link(999)).toBeUndefined();
    });

    test('a veth pair knows its peer; both ends are up and carry', () => {
      const a = here.addLink({
        kind: 'veth',
        name: 'a',
        up: true,
        mtu: 1400,
        peer: { name: 'b', up: true, mtu: 1400 },
      });
      const b = here.link('b')!;
      expect(b).toMatchObject({ kind: 'veth', peerIndex: a.index, up: true, running: true, mtu: 1400 });
      expect(here.link('a')).toMatchObject({ peerIndex: b.index, up: true, running: true, mtu: 1400 });
    });

    test('a link without a peer that is up does not carry', () => {
      here.addLink({ kind: 'veth', name: 'a', up: true, peer: { name: 'b' } });
      expect(here.link('a')).toMatchObject({ up: true, running: false });
      expect(here.link('b')).toMatchObject({ up: false, running: false });
    });

    test('a veth is born with one end in another namespace, never seen here', () => {
      const mac = parseMac('02:00:00:00:00:07');
      const peer = { name: 'eth0', up: true, netns: setup.netns[1], mac };
      const near = here.addLink({ kind: 'veth', name: 'pod1', up: true, peer });
      const far = there.link('eth0')!;
      expect(formatMac(far.mac)).toBe('02:00:00:00:00:07');
      expect(far.peerIndex).toBe(near.index);
      expect(here.links().map((link) => link.name)).toEqual(['lo', 'pod1']);
      expect(near.peerIndex).toBe(far.index);
      expect(near.peerNetnsId).toBeGreaterThanOrEqual(0);
    });

    test('the near end may be the one that is born elsewhere', () => {
      const near = here.addLink({
        kind: 'veth',
        name: 'eth0',
        netns: setup.netns[1],
        alias: 'x',
        peer: { name: 'h' },
      });
      expect(there.link('eth0')).toMatchObject({ index: near.index, alias: 'x' });
      expect(here.links().map((link) => link.name)).toEqual(['lo', 'h']);
    });

    test('a bridge takes links in and lets them go', () => {
      const bridge = here.addLink({
        kind: 'bridge',
        name: 'br0',
        up: true,
        forwardDelay: 0,
        multicastSnooping: false,
      });
      const a = here.addLink({ kind: 'veth', name: 'a', master: bridge.index, peer: { name: 'b' } });
      expect(here.link('a')!.master).toBe(bridge.index);
      here.setLink(a.index, { master: 0 });
      expect(here.link('a')!.master).toBeUndefined();
    });

    test('a VXLAN device is made in both its forms', () => {
      const common = { kind: 'vxlan', port: 8472, learning: false } as const;
      expect(here.addLink({ ...common, name: 'vx0', vni: 1, local: ip('10.0.0.1') }).kind).toBe('vxlan');
      expect(here.addLink({ ...common, name: 'vx1', port: 4789, vni: 0, external: true }).kind).toBe('vxlan');
    });

    test('is changed in name, state, MTU, address, alias and namespace', () => {
      const { a } = pair();
      const mac = parseMac('02:00:00:00:00:09');
      here.setLink(a, { up: false });
      here.setLink(a, { name: 'renamed', mtu: 1300, mac, alias: 'pod default/web' });
      const link = here.link('renamed')!;
      expect(link).toMatchObject({ index: a, up: false, mtu: 1300, alias: 'pod default/web' });
      expect(formatMac(link.mac)).toBe('02:00:00:00:00:09');
      here.setLink(a, { netns: setup.netns[1] });
      expect(here.link('renamed')).toBeUndefined();
      expect(there.link('renamed')).toMatchObject({ kind: 'veth', mtu: 1300 });
    });

    test('deleting one end deletes both; deleting nothing is false', () => {
      const { a } = pair();
      expect(here.deleteLink(a)).toBe(true);
      expect(here.links().map((link) => link.name)).toEqual(['lo']);
      expect(here.deleteLink(a)).toBe(false);
    });

    test('is removed beside the event loop, several at once', async () => {
      const names = ['v1', 'v2', 'v3', 'v4'];
      const indexes = names.map(
        (name) => here.addLink({ kind: 'veth', name, peer: { name: `${name}-peer` } }).index,
      );
      expect(await Promise.all(indexes.map((index) => here.removeLink(index)))).toEqual(
        names.map(() => true),
      );
      expect(here.links().map((link) => link.name)).toEqual(['lo']);
      expect(await here.removeLink(indexes[0]!)).toBe(false);
    });

    test('errors name operation, object and errno', () => {
      pair();
      expect(() => here.addLink({ kind: 'bridge', name: 'a' })).toThrow(
        expect.objectContaining({ errnoName: 'EEXIST', operation: 'add link', object: 'a (bridge)' }),
      );
      expect(() => here.setLink(999, { up: true })).toThrow(
        expect.objectContaining({ errnoName: 'ENODEV', object: '999' }),
      );
      expect(() => here.addLink({ kind: 'bridge', name: 'longer-than-15-chars' })).toThrow(/add link/);
    });
  });

  describe(`addresses of ${name}`, () => {
    test('are added for both families; again is no error', () => {
      const { a } = pair();
      here.ensureAddress({ link: a, ip: ip('10.1.0.1'), prefix: 24 });
      here.ensureAddress({ link: a, ip: ip('fd00:1::1'), prefix: 64, noDad: true });
      const found = here.addresses({ link: a }).filter((address) => address.scope === 0);
      expect(found.map(printAddress)).toEqual(['10.1.0.1/24', 'fd00:1::1/64']);
      expect(found.some((address) => address.tentative)).toBe(false);
      expect(here.addresses({ link: a, family: 4 }).map(printAddress)).toEqual(['10.1.0.1/24']);
    });

    test('of the loopback are host scoped', () => {
      const found = here.addresses({ link: 1 });
      expect(found.map(printAddress)).toEqual(['127.0.0.1/8', '::1/128']);
      expect(found.map(({ scope }) => scope)).toEqual([254, 254]);
    });

    test('are deleted; deleting nothing is false', () => {
      const { a } = pair();
      expect(here.deleteAddress({ link: a, ip: ip('10.1.0.1'), prefix: 24 })).toBe(true);
      expect(here.deleteAddress({ link: a, ip: ip('10.1.0.1'), prefix: 24 })).toBe(false);
      expect(here.deleteAddress({ link: 999, ip: ip('10.1.0.1'), prefix: 24 })).toBe(false);
      expect(here.addresses({ link: a, family: 4 })).toEqual([]);
    });

    test('of a link that does not exist are none, and cannot be added', () => {
      expect(here.addresses({ link: 999 })).toEqual([]);
      expect(() => here.ensureAddress({ link: 999, ip: ip('10.0.0.1'), prefix: 32 })).toThrow(
        expect.objectContaining({ errnoName: 'ENODEV', object: '10.0.0.1/32 on link 999' }),
      );
    });
  });

  describe(`routes of ${name}`, () => {
    const mainRoutes = (filter: { family?: 4 | 6; protocol?: number } = {}) =>
      here.routes({ table: 254, ...filter }).filter((route) => !printRoute(route).startsWith('fe80'));

    test('an address brings the route to its network', () => {
      const { a } = pair();
      expect(mainRoutes().map(printRoute)).toEqual([`10.1.0.0/24 dev ${a}`, `fd00:1::/64 dev ${a}`]);
      expect(mainRoutes({ family: 4 })[0]).toMatchObject({
        type: 'unicast',
        protocol: 2,
        scope: 253,
        table: 254,
      });
    });

    test('are set, replaced and deleted', () => {
      const { a } = pair();
      for (const [destination, first, second] of [
        ['10.2.0.0/16', '10.1.0.2', '10.1.0.3'],
        ['fd00:2::/48', 'fd00:1::2', 'fd00:1::3'],
      ] as const) {
        const route = { family: ip(first).family, destination: cidr(destination), protocol: 84 };
        here.ensureRoute({ ...route, gateway: ip(first), link: a });
        here.ensureRoute({ ...route, gateway: ip(second), link: a, mtu: 1400 });
        const found = here.routes({ protocol: 84, family: route.family });
        expect(found.map(printRoute)).toEqual([`${destination} via ${second} dev ${a}`]);
        expect(found[0]).toMatchObject({ mtu: 1400, scope: 0, type: 'unicast' });
        expect(here.deleteRoute(route)).toBe(true);
        expect(here.deleteRoute(route)).toBe(false);
      }
    });

    test('a default route has no destination', () => {
      pair();
      here.ensureRoute({ family: 4, gateway: ip('10.1.0.254'), protocol: 84 });
      here.ensureRoute({ family: 6, gateway: ip('fd00:1::fe'), protocol: 84 });
      expect(here.routes({ protocol: 84 }).map((route) => route.destination)).toEqual([undefined, undefined]);
      expect(formatIp(here.lookupRoute(ip('192.0.2.1'))!.gateway!)).toBe('10.1.0.254');
      expect(formatIp(here.lookupRoute(ip('2001:db8::1'))!.gateway!)).toBe('fd00:1::fe');
    });

    test('a gateway that no route reaches is refused, unless on link', () => {
      const { a } = pair();
      const route: Route = {
        family: 4,
        destination: cidr('10.9.0.0/16'),
        gateway: ip('169.254.1.1'),
        link: a,
      };
      expect(() => here.ensureRoute(route)).toThrow(
        expect.objectContaining({ errnoName: 'ENETUNREACH', operation: 'set route' }),
      );
      here.ensureRoute({ ...route, onLink: true });
      expect(here.routes({ family: 4 }).find((r) => r.onLink)).toMatchObject({ link: a, onLink: true });
    });

    test('other tables keep to themselves', () => {
      const { a } = pair();
      here.ensureRoute({ family: 4, destination: cidr('10.3.0.0/16'), link: a, table: 1000 });
      here.ensureRoute({ family: 6, destination: cidr('fd00:3::/64'), link: a, table: 1000 });
      expect(here.routes({ table: 1000 }).map(printRoute)).toEqual([
        `10.3.0.0/16 dev ${a}`,
        `fd00:3::/64 dev ${a}`,
      ]);
      expect(here.routes({ table: 2000 })).toEqual([]);
      expect(here.lookupRoute(ip('10.3.0.1'))).toBeUndefined();
    });

    test('of other types answer as they are told', () => {
      pair();
      here.ensureRoute({ family: 4, destination: cidr('10.4.0.0/16'), type: 'blackhole' });
      here.ensureRoute({ family: 4, destination: cidr('10.5.0.0/16'), type: 'unreachable' });
      here.ensureRoute({ family: 6, destination: cidr('fd00:5::/64'), type: 'unreachable' });
      const special = here.routes({ table: 254 }).filter((route) => route.type !== 'unicast');
      expect(special.map((route) => route.type)).toEqual(['blackhole', 'unreachable', 'unreachable']);
      for (const address of ['10.4.0.1', '10.5.0.1', 'fd00:5::1'])
        expect(here.lookupRoute(ip(address))).toBeUndefined();
    });

    test('the longest prefix wins; own addresses are local; nothing is undefined', async () => {
      const { a, b } = pair();
      here.ensureRoute({ family: 4, destination: cidr('10.1.0.128/25'), link: b });
      expect(here.lookupRoute(ip('10.1.0.2'))).toMatchObject({ link: a, type: 'unicast', table: 254 });
      expect(here.lookupRoute(ip('10.1.0.200'))!.link).toBe(b);
      expect(here.lookupRoute(ip('10.1.0.1'))).toMatchObject({ type: 'local' });
      // The kernel enters an IPv6 address's own route from a work queue, a moment after the address.
      await expect.poll(() => here.lookupRoute(ip('fd00:1::1'))).toMatchObject({ type: 'local' });
      expect(here.lookupRoute(ip('192.0.2.1'))).toBeUndefined();
      expect(here.lookupRoute(ip('2001:db8::1'))).toBeUndefined();
    });

    test('go with their link', () => {
      const { a } = pair();
      here.ensureRoute({ family: 4, destination: cidr('10.2.0.0/16'), link: a });
      here.deleteLink(a);
      expect(mainRoutes()).toEqual([]);
      expect(here.addresses().map(printAddress)).toEqual(['127.0.0.1/8', '::1/128']);
    });

    test('through a link that is down are refused', () => {
      const down = here.addLink({ kind: 'veth', name: 'x', peer: { name: 'y' } });
      expect(() =>
        here.ensureRoute({ family: 4, destination: cidr('10.2.0.0/16'), link: down.index }),
      ).toThrow(expect.objectContaining({ errnoName: 'ENETDOWN' }));
    });
  });

  describe(`rules of ${name}`, () => {
    test('a namespace begins with local, main and, for IPv4, default', () => {
      expect(here.rules(4).map(({ priority, table }) => [priority, table])).toEqual([
        [0, 255],
        [32766, 254],
        [32767, 253],
      ]);
      expect(here.rules(6).map(({ priority, table }) => [priority, table])).toEqual([
        [0, 255],
        [32766, 254],
      ]);
    });

    test('are added once and deleted', () => {
      const from: Record<4 | 6, Cidr> = { 4: cidr('10.1.0.0/24'), 6: cidr('fd00:1::/64') };
      for (const family of [4, 6] as const) {
        const mark = { value: 0x100, mask: 0xf00 };
        const rule = {
          family,
          priority: 100,
          table: 1000,
          from: from[family],
          mark,
          incomingInterface: 'eth0',
        };
        here.ensureRule(rule);
        here.ensureRule(rule);
        expect(here.rules(family).filter((each) => each.priority === 100)).toEqual([rule]);
        expect(here.deleteRule(rule)).toBe(true);
        expect(here.deleteRule(rule)).toBe(false);
      }
    });

    test('lead lookups to their table', () => {
      const { b } = pair();
      here.ensureRoute({ family: 4, destination: cidr('10.1.0.0/24'), link: b, table: 1000 });
      here.ensureRule({ family: 4, priority: 100, table: 1000, to: cidr('10.1.0.0/25') });
      expect(here.lookupRoute(ip('10.1.0.7'))).toMatchObject({ link: b, table: 1000 });
      expect(here.lookupRoute(ip('10.1.0.200'))!.table).toBe(254);
    });
  });

  describe(`neighbours of ${name}`, () => {
    test('are set, replaced and deleted', () => {
      const { a } = pair();
      for (const address of ['10.1.0.9', 'fd00:1::9']) {
        const neighbour = { link: a, ip: ip(address), state: 'permanent' } as const;
        here.ensureNeighbour({ ...neighbour, mac: parseMac('02:00:00:00:00:01') });
        here.ensureNeighbour({ ...neighbour, mac: parseMac('02:00:00:00:00:02') });
        const found = here.neighbours({ link: a }).filter((each) => formatIp(each.ip) === address);
        expect(found).toEqual([{ ...neighbour, mac: parseMac('02:00:00:00:00:02') }]);
        expect(here.deleteNeighbour(neighbour)).toBe(true);
        expect(here.deleteNeighbour(neighbour)).toBe(false);
      }
    });

    test('proxy entries are a list of their own', () => {
      const { a } = pair();
      for (const address of ['169.254.1.1', 'fe80::1']) {
        here.ensureNeighbour({ link: a, ip: ip(address), state: 'none', proxy: true });
      }
      const proxies = here.neighbours({ link: a, proxy: true });
      expect(proxies.map((each) => formatIp(each.ip)).sort()).toEqual(['169.254.1.1', 'fe80::1']);
      expect(proxies.every((each) => each.proxy)).toBe(true);
      expect(here.neighbours({ link: a, proxy: false }).filter((each) => each.proxy)).toEqual([]);
      expect(here.deleteNeighbour(proxies[0]!)).toBe(true);
      expect(here.deleteNeighbour(proxies[0]!)).toBe(false);
    });
  });
}
