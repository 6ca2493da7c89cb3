/** Maps of another version in the kernel: what the old ones hold is in the new ones, by names, and back again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fields } from '../../src/linux/bpf/bpf.ts';
import { kernelBpf } from '../../src/linux/bpf/kernel-bpf.ts';
import { parseIp } from '../../src/net/ip.ts';
import { Datapath } from '../../src/service/backends/ebpf/datapath.ts';
import { addresses, at, bpfIn, objectsDirectory, TestCluster, type TestNode } from './cluster.ts';
import { buildVersion, type Installation, nextLayout } from './next-version.ts';

let cluster: TestCluster;
let node: TestNode;
let next: Installation;

beforeAll(() => {
  cluster = new TestCluster();
  node = cluster.nodes[0]!;
  next = buildVersion(nextLayout, { agent: false });
}, 60_000);
afterAll(() => {
  next?.[Symbol.dispose]();
  kernelBpf.clear(node.pinDirectory);
  cluster.close();
});

function datapath(objects: string, mapSizes?: Record<string, number>): Datapath {
  return new Datapath({
    bpf: bpfIn(node.netns),
    objectsDirectory: objects,
    pinDirectory: node.pinDirectory,
    cgroup: node.cgroup,
    uplinkIfindex: node.uplinkIfindex,
    netnsCookie: 1n,
    ...(mapSizes && { mapSizes }),
  });
}

const load = (objects: string, mapSizes?: Record<string, number>) => {
  const loaded = datapath(objects, mapSizes);
  return { because: at(node, () => loaded.load()), datapath: loaded, [Symbol.dispose]: () => loaded.close() };
};

/** Entries of all maps by the fields of whatever layout they have; bytes where they have none. */
function contents(): Record<string, unknown[]> {
  using maps = kernelBpf.pinned(node.pinDirectory);
  const names = maps.names.filter((name) => !['layout', 'drop_events', 'drop_counters'].includes(name));
  // In the order of the alphabet, whatever the layout's.
  const plain = (fields: Fields) =>
    Object.fromEntries(
      Object.entries(fields)
        .filter(([name]) => name !== 'more')
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return Object.fromEntries(
    names.map((name) => {
      const { map, key, value } = maps.get(name)!;
      const entries = [...map.entries()].map(([k, v]) => [
        key ? plain(key.decode(k)) : k,
        value ? plain(value.decode(v)) : v,
      ]);
      return [name, entries.sort((a, b) => (text(a) < text(b) ? -1 : 1))];
    }),
  );
}

const text = (thing: unknown) => JSON.stringify(thing, (_, x) => (typeof x === 'bigint' ? String(x) : x));

/** Something that no two fields share. */
function fill(): void {
  using maps = kernelBpf.pinned(node.pinDirectory);
  for (const name of ['frontends', 'slots', 'backends', 'conntrack', 'affinities', 'flows', 'peers']) {
    const { map } = maps.get(name)!;
    for (let n = 1; n <= 20; n++) map.update(counting(map.keySize, n), counting(map.valueSize, n * 3));
  }
}

const counting = (size: number, first: number) => Uint8Array.from({ length: size }, (_, i) => first + i);

/** Priorities of what is attached to the pod's veth. */
function filters(direction: string): string[] {
  const shown = cluster.inside(node.path, `tc filter show dev pod ${direction}`);
  return [...new Set([...shown.matchAll(/pref (\d+)/g)].map(([, priority]) => priority!))];
}

test('an upgrade and a downgrade carry everything over, and leave nothing behind', () => {
  using before = load(objectsDirectory);
  expect(before.because).toBeUndefined();
  before.datapath.nextEpoch();
  before.datapath.configure(addresses(node));
  at(node, () => {
    before.datapath.attachPod({ ...node.pod, ips: Object.values(node.pod.ips).map(parseIp) });
    before.datapath.attachNode();
  });
  fill();
  // What is padding or reserved is not carried: a first handover takes it away.
  using plain = load(objectsDirectory, { fragments: 64 });
  expect(plain.because).toMatch(/^fragments: maxEntries/);
  const held = contents();
  using after = load(next.objectsDirectory, { fragments: 64 });
  expect(after.because).toBeDefined();
  expect(after.datapath.map('layout').maxEntries).toBe(2);
  expect(contents()).toEqual(held);
  using back = load(objectsDirectory);
  expect(back.because).toBeDefined();
  expect(contents()).toEqual(held);
  expect(back.datapath.pods()).toEqual([node.pod.ifindex]);
  expect(existsSync(join(node.pinDirectory, 'next'))).toBe(false);
  expect(filters('ingress')).toEqual(['84']);
  expect(filters('egress')).toEqual(['84']);
});
