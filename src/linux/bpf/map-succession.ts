/**
 * Pinned maps that a new process cannot take over as they are. One of another size (a setting changed) hands its
 * entries on to the map that replaces it; one of another layout is given up, for its bytes would be misread. Programs
 * that run keep the old maps until they are replaced.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isError } from '../../util/errors.ts';
import * as libc from '../ffi/libc.ts';
import * as bpf from './bpf-command.ts';
import { KernelMap, type MapDescription } from './kernel-map.ts';

export type MapShape = Omit<MapDescription, 'fd'>;

/** An array whose room is the version of all layouts: see bpf/lib/maps.h. */
const layoutMap = 'layout';
/** enum bpf_map_type: which maps have entries to hand on, and how they are written. */
const arrays = new Set([2, 6]);
const hashes = new Set([1, 9]);

/** Dots are not allowed in names on a bpffs. */
const predecessor = (pin: string) => `${pin}-before`;

/** Removes all maps of the directory where its layouts are of another version than `map` says. */
export function forgetOtherLayout(map: MapShape, directory: string): void {
  if (map.name !== layoutMap) return;
  const is = pinnedShape(join(directory, layoutMap), layoutMap);
  if (is === undefined || is.maxEntries === map.maxEntries) return;
  const pins = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  // Its own pin goes last: a process that dies in between leaves the difference to be seen.
  const names = pins.map((entry) => entry.name).filter((name) => name !== layoutMap);
  for (const name of [...names, layoutMap]) rmSync(join(directory, name));
}

/** Makes way for a map of this shape where the pinned one is of another. */
export function setAsideUnfit(map: MapShape, directory: string): void {
  const pin = join(directory, map.name);
  const is = pinnedShape(pin, map.name);
  if (is === undefined || (sameEntries(is, map) && is.maxEntries === map.maxEntries)) return;
  renameSync(pin, predecessor(pin));
}

/**
 * Copies what the map's predecessor holds, as far as there is room and the map does not know better. The pin of the
 * predecessor goes last, so that a process that dies in between begins again.
 */
export function succeed(map: KernelMap, shape: MapShape, directory: string): void {
  const pin = predecessor(join(directory, map.name));
  if (!existsSync(pin)) return;
  const is = pinnedShape(pin, map.name);
  if (is !== undefined && sameEntries(is, shape)) copyEntries(pin, is, map);
  rmSync(pin);
}

function sameEntries(one: MapShape, other: MapShape): boolean {
  return one.type === other.type && one.keySize === other.keySize && one.valueSize === other.valueSize;
}

function copyEntries(pin: string, from: MapShape, to: KernelMap): void {
  const isArray = arrays.has(from.type);
  if (!isArray && !hashes.has(from.type)) return;
  using old = new KernelMap({
    ...from,
    fd: libc.must(bpf.pinned(bpf.command.get, pin), 'open BPF map', pin),
  });
  try {
    for (const [key, value] of old.entries()) {
      if (isArray && Buffer.from(key).readUInt32LE() >= to.maxEntries) return;
      if (isArray || to.lookup(key) === undefined) to.update(key, value);
    }
  } catch (error) {
    if (!isError(error, 'MAP_FULL')) throw error;
  }
}

function pinnedShape(pin: string, name: string): MapShape | undefined {
  const fd = bpf.pinned(bpf.command.get, pin);
  if (fd < 0) return undefined;
  try {
    return { name, ...bpf.mapInfo(fd) };
  } finally {
    libc.close(fd);
  }
}
