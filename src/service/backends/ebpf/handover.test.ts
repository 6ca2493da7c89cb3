/** What becomes of the maps in force when an agent wants others: step by step, and when a step fails. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FakeBpf } from '../../../linux/bpf/fake-bpf.ts';
import { parseIp } from '../../../net/ip.ts';
import { parseMac } from '../../../net/mac.ts';
import { carried, notCarried } from './carried-maps.ts';
import { layouts } from './generated/layouts.ts';
import { indexKey } from './index-key.ts';
import { testDatapath } from './testing-datapath.ts';

const tuple = (sport: number) =>
  layouts.tuple.encode({ src: parseIp('10.0.0.1'), dst: parseIp('10.0.0.2'), sport, dport: 80, proto: 6 });
const connection = (lastSeen: bigint) =>
  layouts.conntrackEntry.encode({ lastSeen, newDst: parseIp('10.1.0.1'), newDport: 8080 });

/** A node in service with a pod, a connection and an epoch. */
function running(mapSizes?: Record<string, number>) {
  const before = testDatapath(mapSizes && { mapSizes });
  before.datapath.nextEpoch();
  before.datapath.configure([parseIp('10.9.0.1')]);
  before.datapath.attachNode();
  before.datapath.attachPod({ ifindex: 5, ips: [parseIp('10.1.0.9')], mac: parseMac('02:00:00:00:00:01') });
  before.map('conntrack').update(tuple(1), connection(1n));
  return before;
}

const config = (bpf: FakeBpf) =>
  layouts.nodeConfig.decode(bpf.maps.get('/pins/node_config')!.lookup(indexKey(0))!);
const links = (bpf: FakeBpf) => [...bpf.links.keys()].map((pin) => pin.replace('/pins/', '')).sort();

test('every map is carried, or known to begin anew', () => {
  const header = readFileSync(join(import.meta.dirname, '../../../../bpf/lib/maps.h'), 'utf8');
  const macros = [...header.matchAll(/^PINNED(?:_\w+)?\((?:BPF_\w+, )?(\w+),/gm)].map(([, name]) => name);
  const names = [...macros, ...[...header.matchAll(/^} (\w+) SEC\("\.maps"\)/gm)].map(([, name]) => name)];
  expect([...carried.map(({ map }) => map), ...notCarried].sort()).toEqual(names.sort());
});

test('maps of another size take over what the old ones hold, and every hook goes with them', () => {
  const before = running();
  const hooks = links(before.bpf);
  const after = testDatapath({ bpf: before.bpf, mapSizes: { conntrack: 100 } });
  expect(after.map('conntrack').maxEntries).toBe(100);
  expect([...after.map('conntrack').entries()]).toEqual([[tuple(1), connection(1n)]]);
  expect([after.datapath.epoch(), after.datapath.pods()]).toEqual([1, [5]]);
  expect(config(after.bpf)).toMatchObject({ uplinkIfindex: 2, draining: 0 });
  expect(links(after.bpf)).toEqual(hooks);
  expect([...after.bpf.maps.keys()].filter((pin) => pin.includes('next'))).toEqual([]);
});

test('XDP gets the new maps at once, and keeps its program where there are none', () => {
  const xdp = 'native' as const;
  const { bpf, datapath } = testDatapath({ xdp });
  datapath.configure([parseIp('10.9.0.1')]);
  datapath.attachNode();
  const link = () => bpf.links.get('/pins/links/uplink-xdp-native');
  const first = link();
  expect(first).toMatchObject({ program: 'xdp_uplink' });
  testDatapath({ bpf, xdp });
  expect(link()).toBe(first);
  const after = testDatapath({ bpf, xdp, mapSizes: { conntrack: 100 } });
  expect(link()).toEqual(first);
  expect(link()).not.toBe(first);
  expect(after.datapath.xdpStatus()).toEqual({ mode: xdp });
});

test('a node whose hooks are not attached yet is left to its first sync', () => {
  const before = testDatapath();
  before.map('backends').update(indexKey(1), new Uint8Array(layouts.backend.size));
  const { bpf, map } = testDatapath({ bpf: before.bpf, mapSizes: { conntrack: 100 } });
  expect([links(bpf), [...map('backends').entries()].length]).toEqual([[], 1]);
});

test('what does not fit leaves the old maps in force, and says which setting helps', () => {
  const before = running();
  before.map('conntrack').update(tuple(2), connection(2n));
  const hooks = links(before.bpf);
  expect(() => testDatapath({ bpf: before.bpf, mapSizes: { conntrack: 1 } })).toThrow(
    expect.objectContaining({
      code: 'BPF_LAYOUT',
      remedy: expect.stringContaining('mapSizes'),
      cause: expect.objectContaining({ code: 'MAP_FULL' }),
    }),
  );
  expect([links(before.bpf), config(before.bpf).draining]).toEqual([hooks, 0]);
  expect([...before.map('conntrack').entries()]).toHaveLength(2);
  expect([...before.bpf.maps.keys()].filter((pin) => pin.includes('next'))).toEqual([]);
});

test('an older version takes over what may be read by it, and refuses the rest', () => {
  const newer = running({ layout: 8 });
  expect(() => testDatapath({ bpf: newer.bpf, mapSizes: { layout: 7 } })).not.toThrow();
  newer.bpf.maps.get('/pins/layout')!.update(indexKey(0), indexKey(7));
  expect(() => testDatapath({ bpf: newer.bpf, mapSizes: { layout: 6 } })).toThrow(
    expect.objectContaining({ code: 'BPF_LAYOUT', message: expect.stringContaining('of layout 7') }),
  );
  expect(config(newer.bpf).draining).toBe(0);
});

/** Where the handover of another agent ended: the n-th write, link or pin of it fails, and no other. */
function cutShort(bpf: FakeBpf, step: number): boolean {
  let steps = 0;
  const crash = () => {
    if (++steps === step) throw new Error('killed');
  };
  const [load, movePin, clear, detach] = [bpf.load, bpf.movePin, bpf.clear, bpf.detach];
  bpf.movePin = (from, to) => {
    crash();
    movePin.call(bpf, from, to);
  };
  bpf.load = (options) => {
    const object = load.call(bpf, options);
    const { attach, takePlace } = object;
    object.attach = (...of) => {
      crash();
      attach(...of);
    };
    object.takePlace = (...of) => {
      crash();
      takePlace(...of);
    };
    return object;
  };
  // A process that is dead undoes nothing.
  bpf.clear = (directory) => void (steps >= step || clear.call(bpf, directory));
  bpf.detach = (pin) => steps < step && detach.call(bpf, pin);
  try {
    testDatapath({ bpf, mapSizes: { conntrack: 100 } });
    return false;
  } catch {
    return true;
  } finally {
    Object.assign(bpf, { load, movePin, clear, detach });
  }
}

test('an agent that dies at any step is followed by one that ends what it began', () => {
  let step = 1;
  for (; step < 200; step++) {
    const before = running();
    const hooks = links(before.bpf);
    const died = cutShort(before.bpf, step);
    const after = testDatapath({ bpf: before.bpf, mapSizes: { conntrack: 100 } });
    expect([...after.map('conntrack').entries()], `step ${step}`).toEqual([[tuple(1), connection(1n)]]);
    expect(links(after.bpf), `step ${step}`).toEqual(hooks);
    expect([config(after.bpf).draining, after.datapath.epoch(), after.datapath.pods()]).toEqual([0, 1, [5]]);
    if (!died) break;
  }
  expect(step).toBeGreaterThan(30);
});

test('what another agent has begun is not ended by one of other sizes', () => {
  const before = running();
  // All hooks are attached behind the old ones; the first takes its place.
  expect(cutShort(before.bpf, links(before.bpf).length + 1)).toBe(true);
  const draining = layouts.nodeConfig.encode({ ...config(before.bpf), draining: 1 });
  before.bpf.maps.get('/pins/node_config')!.update(indexKey(0), draining);
  expect(() => testDatapath({ bpf: before.bpf })).toThrow(
    expect.objectContaining({ code: 'BPF_LAYOUT', remedy: expect.stringContaining('once more') }),
  );
  expect(() => testDatapath({ bpf: before.bpf, mapSizes: { conntrack: 100 } })).not.toThrow();
});
