/**
 * Watchers by the thousand, each by a connection of its own, get every event once and in order. Less of all unless
 * TENDRIL_SCALE is `full`: 1,000 watchers and 10,000 objects.
 */
import { expect, test } from 'vitest';
import { percentileOf } from '../../bench/report.ts';
import type { HttpClient } from '../../src/kube/client/http-client.ts';
import type { KubeObject } from '../../src/kube/meta.ts';
import { resources } from '../../src/kube/resources.ts';
import { ApiProcess } from './support/api-process.ts';
import { concurrently } from './support/concurrently.ts';
import { WatchCrowd, Watcher } from './support/watch-crowd.ts';

const full = process.env.TENDRIL_SCALE === 'full';
const size = full ? { watchers: 1000, objects: 10_000 } : { watchers: 300, objects: 1000 };
const namespace = 'default';
const type = resources.configMaps;
const shards = 10;
const loneChanges = 20;

const shardOf = (index: number) => `s${index % shards}`;
const nameOf = (index: number) => `object-${index}`;
const objectOf = (index: number) => ({
  metadata: { name: nameOf(index), namespace, labels: { shard: shardOf(index) } },
  data: { value: 'new' },
});

/** A thing that was written: by name, what its watchers see. */
interface Written {
  change: 'ADDED' | 'MODIFIED' | 'DELETED';
  index: number;
  /** Not known of a deletion. */
  resourceVersion: string | undefined;
}

/** Creates all, changes every fifth and deletes every tenth of those. */
async function writeAll(client: HttpClient): Promise<Written[]> {
  const written: Written[] = [];
  const note = (change: Written['change'], index: number, stored?: KubeObject) =>
    written.push({ change, index, resourceVersion: stored?.metadata.resourceVersion });
  const indexes = Array.from({ length: size.objects }, (_, index) => index);
  await concurrently(16, indexes, async (index) => {
    note('ADDED', index, (await client.create(type, objectOf(index) as never)) as KubeObject);
    const key = { namespace, name: nameOf(index) };
    if (index % 5 !== 0) return;
    const patch = { type: 'application/merge-patch+json', body: { data: { value: 'changed' } } } as const;
    note('MODIFIED', index, (await client.patch(type, key, patch)) as KubeObject);
    if (index % 10 !== 0) return;
    await client.delete(type, key);
    note('DELETED', index);
  });
  return written;
}

/** Of one kind of watcher: which objects it sees, and one among its watchers whose text is kept. */
interface Group {
  query: string;
  sees: (index: number) => boolean;
  watchers: Watcher[];
}

function groupsFrom(resourceVersion: string): Group[] {
  const group = (query: string, count: number, sees: Group['sees']): Group => {
    const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&resourceVersion=${resourceVersion}${query}`;
    const watchers = Array.from({ length: count }, (_, i) => new Watcher(path, { keepText: i === 0 }));
    return { query, sees, watchers };
  };
  const { watchers } = size;
  return [
    group('', watchers * 0.8, () => true),
    ...Array.from({ length: shards }, (_, shard) =>
      group(`&labelSelector=shard%3Ds${shard}`, watchers * 0.01, (index) => index % shards === shard),
    ),
    ...Array.from({ length: shards }, (_, index) =>
      group(`&fieldSelector=metadata.name%3D${nameOf(index)}`, watchers * 0.01, (i) => i === index),
    ),
  ];
}

interface Event {
  type: string;
  object: KubeObject;
}

function eventsOf({ text }: Watcher): Event[] {
  const lines = Buffer.concat(text!).toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Event);
}

/** What was written, as events in the order of their versions; a deletion is the last of its object. */
function expectEvents(events: readonly Event[], written: readonly Written[]): void {
  const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  const line = (change: string, name: string, version?: string) =>
    `${name} ${change} ${change === 'DELETED' ? '' : version}`;
  const told = events.map(({ type, object: { metadata } }) =>
    line(type, metadata.name, metadata.resourceVersion),
  );
  const wanted = written.map((w) => line(w.change, nameOf(w.index), w.resourceVersion));
  expect(told.sort()).toEqual(wanted.sort());
}

/** How long one change takes to all that see it. */
async function loneChange(client: HttpClient, crowd: WatchCrowd, turn: number): Promise<number> {
  const before = new Map(crowd.watchers.map((watcher) => [watcher, watcher.got.events]));
  const start = performance.now();
  const key = { namespace, name: nameOf(1) };
  const patch = { type: 'application/merge-patch+json', body: { data: { value: `${turn}` } } } as const;
  await client.patch(type, key, patch);
  const sees = ({ path }: Watcher) => !path.includes('Selector') || /shard%3Ds1$|object-1$/.test(path);
  await crowd.until((watcher) => before.get(watcher)! + (sees(watcher) ? 1 : 0));
  return performance.now() - start;
}

test(`${size.watchers} watchers lose no event of ${size.objects} objects`, { timeout: 600_000 }, async () => {
  await using api = await ApiProcess.start();
  const client = api.client();
  const { resourceVersion } = await client.list(type, { namespace });
  const groups = groupsFrom(resourceVersion);
  const began = performance.now();
  using crowd = await WatchCrowd.open(
    api.endpoint,
    groups.flatMap(({ watchers }) => watchers),
  );
  const opened = performance.now();
  const idle = await api.report();
  const written = await writeAll(client);
  const wrote = performance.now();
  const seenBy = new Map<Watcher, number>();
  for (const { watchers, sees } of groups) {
    const count = written.filter(({ index }) => sees(index)).length;
    for (const watcher of watchers) seenBy.set(watcher, count);
  }
  await crowd.until((watcher) => seenBy.get(watcher)!);
  const done = performance.now();
  const busy = await api.report();

  for (const { watchers, sees } of groups) {
    const [first] = watchers;
    expectEvents(
      eventsOf(first!),
      written.filter(({ index }) => sees(index)),
    );
    expect(watchers.filter(({ got }) => got.crc !== first!.got.crc)).toEqual([]);
    expect(watchers.filter(({ got }) => got.events !== seenBy.get(first!))).toEqual([]);
  }
  const lone: number[] = [];
  for (let turn = 0; turn < loneChanges; turn++) lone.push(await loneChange(client, crowd, turn));
  client.close();
  const events = [...seenBy.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    [
      `${size.watchers} watches open in ${seconds(opened - began)}: ${idle.residentMib.toFixed(0)} MiB`,
      `${written.length} writes in ${seconds(wrote - opened)}`,
      `${events} events there ${seconds(done - wrote)} later: ${busy.residentMib.toFixed(0)} MiB`,
      `${busy.cpuSeconds.toFixed(1)} s of a processor; the event loop held up ${busy.loopDelayMs.p99.toFixed(0)} ms (p99)`,
      `one change at all of them after ${percentileOf(lone, 0.5).toFixed(0)} ms (p50), ${percentileOf(lone, 0.95).toFixed(0)} (p95)`,
    ].join('; '),
  );
});

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
