/** Which maps hold what only they know, and how it is carried to the maps of another layout or size. */

import type { PinnedMap, PinnedMaps } from '../../../linux/bpf/bpf.ts';
import { carrier, type Migration } from '../../../linux/bpf/carry.ts';

/**
 * Changes of meaning so far, oldest first. A field that comes, goes or moves needs none. To be kept for as long as a
 * node may still run what came before.
 */
export const migrations: readonly Migration[] = [];

interface Carried {
  map: string;
  /** Programs write it too, so it is carried again until they have ended. */
  live?: boolean;
  /** Of two entries with one key the later one counts. CLOCK_MONOTONIC, ns. */
  time?: string;
  /** The entry that is there counts. */
  onlyMissing?: boolean;
  /** Of an array, all of whose entries are there: what is zero needs no carrying, nor what has no place any more. */
  array?: boolean;
}

/** These begin anew; `node_config` is carried when its time has come, see handover.ts. */
export const notCarried = ['fragments', 'takeovers', 'drop_events', 'layout', 'node_config'];

/**
 * An entry that its programs delete after it was carried
 * stays: it says of a connection that is over what a late packet of it needs, a new connection on its tuple is judged by
 * whether its backend serves, and the collection of idle ones takes it.
 */
export const carried: readonly Carried[] = [
  ...[
    'backends',
    'slots',
    'source_ranges',
    'frontends',
    'direct_returns',
    'cluster_nodes',
    'endpoints',
    'pods',
    'pod_addresses',
    'pod_links',
    'policy_blocks',
    'policy_rules',
    'policy_peers',
    'policy_pods',
  ].map((map) => ({
    map,
  })),
  ...['epoch', 'service_cidrs', 'policy_config', 'drop_counters'].map((map) => ({ map, array: true })),
  { map: 'activity', live: true, array: true },
  { map: 'conntrack', live: true, time: 'lastSeen' },
  { map: 'policy_flows', live: true, time: 'lastSeen' },
  { map: 'affinities', live: true, time: 'lastUsed' },
  { map: 'flows', live: true, onlyMissing: true },
  { map: 'peers', live: true, onlyMissing: true },
  { map: 'stack_flows', live: true, onlyMissing: true },
];

export interface Route {
  from: PinnedMaps;
  to: PinnedMaps;
  /** Those that lie between the two. */
  migrations: readonly Migration[];
}

/** Everything, once. @throws TendrilError BPF_LAYOUT, MAP_FULL */
export function carryAll(route: Route): void {
  for (const one of carried) carry(route, one, 0n);
}

/** What programs may have written since, CLOCK_MONOTONIC in ns. */
export function carryRest(route: Route, since: bigint): void {
  for (const one of carried) if (one.live) carry(route, one, since);
}

function carry(route: Route, rule: Carried, since: bigint): void {
  const [from, to] = [route.from.get(rule.map), route.to.get(rule.map)];
  // One is missing where a handover was cut short when it had been carried, or a version has no such map.
  if (from === undefined || to === undefined) return;
  const convert = carrier(
    from,
    to,
    route.migrations.filter(({ map }) => map === rule.map),
  );
  const touched = timeReader(from, rule.time);
  const newer = newerThan(to, rule.time);
  for (const [oldKey, oldValue] of from.map.entries()) {
    if (touched !== undefined && touched(oldValue) < since) continue;
    const key = convert.key(oldKey);
    if (rule.array && (isZero(oldValue) || indexOf(key) >= to.map.maxEntries)) continue;
    const there = rule.time || rule.onlyMissing ? to.map.lookup(key) : undefined;
    if (there !== undefined && rule.onlyMissing) continue;
    const value = convert.value(oldValue);
    if (there === undefined || newer?.(value, there)) to.map.update(key, value);
  }
}

function isZero(value: Uint8Array): boolean {
  return value.every((byte) => byte === 0);
}

function indexOf(key: Uint8Array): number {
  return Buffer.from(key).readUInt32LE();
}

function timeReader(
  { value }: PinnedMap,
  field: string | undefined,
): ((bytes: Uint8Array) => bigint) | undefined {
  if (field === undefined || value?.places[field]?.type !== '__u64') return undefined;
  const at = value.offsetOf(field);
  return (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);
}

function newerThan(to: PinnedMap, field: string | undefined) {
  const time = timeReader(to, field);
  return time && ((one: Uint8Array, other: Uint8Array) => time(one) > time(other));
}
