/** What the agent knows of its uplink, as the interface changes under it. */
import { beforeEach, expect, it } from 'vitest';
import { FakeNetwork } from '../linux/netlink/fake-route-netlink.ts';
import type { Address, RouteNetlink } from '../linux/netlink/route-netlink.ts';
import { formatIp, parseIp } from '../net/ip.ts';
import { Uplink } from './uplink.ts';

let network: FakeNetwork;
let netlink: RouteNetlink;
let uplink: Uplink;
let eth0: number;
let changes: { addresses: boolean }[];

beforeEach(() => {
  network = new FakeNetwork();
  netlink = network.open();
  eth0 = netlink.addLink({ kind: 'veth', name: 'eth0', up: true, peer: { name: 'far', up: true } }).index;
  for (const ip of ['172.20.0.1', 'fd00:20::1']) add(ip);
  uplink = new Uplink(netlink, 'eth0');
  uplink.setFacts(undefined);
  changes = [];
});

function add(ip: string, rest: Partial<Address> = {}): void {
  netlink.ensureAddress({ link: eth0, ip: parseIp(ip), prefix: ip.includes(':') ? 64 : 16, ...rest });
}

const addresses = () => uplink.addresses().map(formatIp);
const told = () => new Promise((resolve) => setImmediate(resolve));
const watch = () => uplink.watch(network.watch, (change) => void changes.push(change));

it('has the addresses that the Node object names first, then the others', () => {
  add('172.20.0.9');
  uplink.setFacts({ name: 'n', podCidrs: [], internalIps: [parseIp('172.20.0.9')] });
  expect(addresses()).toEqual(['172.20.0.9', '172.20.0.1', 'fd00:20::1']);
});

it('leaves out what is of the link alone, or not known to be its own', () => {
  add('169.254.7.7', { scope: 253 });
  add('fd00:20::2', { tentative: true });
  uplink.refresh();
  expect(addresses()).toEqual(['172.20.0.1', 'fd00:20::1']);
});

it('tells of an address that comes and of one that goes, in both families', async () => {
  using _watch = watch();
  for (const ip of ['172.20.0.2', 'fd00:20::2']) {
    add(ip);
    await told();
    expect([addresses().includes(ip), changes.splice(0)]).toEqual([true, [{ addresses: true }]]);
  }
  netlink.deleteAddress({ link: eth0, ip: parseIp('172.20.0.1'), prefix: 16 });
  await told();
  expect(addresses()).toEqual(['172.20.0.2', 'fd00:20::1', 'fd00:20::2']);
  expect(changes).toEqual([{ addresses: true }]);
});

it('tells of a change before the watch', () => {
  add('172.20.0.2');
  using _watch = watch();
  expect(changes).toEqual([{ addresses: true }]);
});

it('does not tell of other interfaces, nor of pods’', async () => {
  using _watch = watch();
  const { index } = netlink.addLink({ kind: 'veth', name: 'tdl1', peer: { name: 'x' } });
  netlink.setLink(index, { up: true });
  netlink.ensureAddress({ link: index, ip: parseIp('10.0.0.1'), prefix: 24 });
  await told();
  expect(changes).toEqual([]);
});

it('tells that it came up, when the kernel has taken the routes along', async () => {
  using _watch = watch();
  netlink.setLink(eth0, { up: false });
  await told();
  changes.length = 0;
  netlink.setLink(eth0, { up: true });
  await told();
  expect(changes).toContainEqual({ addresses: false });
});

it('is read again when events were lost', async () => {
  using _watch = watch();
  network.namespace().tell({ type: 'lost' });
  await told();
  expect(changes).toEqual([{ addresses: false }]);
});

it('keeps what it knew while the interface is away', async () => {
  using _watch = watch();
  netlink.deleteLink(eth0);
  await told();
  expect(addresses()).toContain('172.20.0.1');
  expect(() => uplink.link()).toThrow('eth0');
});
