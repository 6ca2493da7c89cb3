/**
 * Maps as a bpffs has them: what they are, and when the kernel has let go of them. A map lives as long as a program that
 * uses it, and a program as long as what it is attached to: once the maps that were pinned in a directory are gone, so
 * are the programs around them.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../util/clock.ts';
import { withScratch } from '../ffi/arena.ts';
import * as libc from '../ffi/libc.ts';
import type { Fields, PinnedMap, PinnedMaps } from './bpf.ts';
import { btfBytes, command, mapInfo, mapTypes, pinned } from './bpf-command.ts';
import { type Btf, decodeBtf } from './btf.ts';
import { KernelMap, type MapShape } from './kernel-map.ts';
import { type Layout, layoutOf } from './layout.ts';

/** Undefined where no map is pinned there. */
export function pinnedShape(pin: string, name: string): MapShape | undefined {
  const fd = pinned(command.get, pin);
  if (fd < 0) return undefined;
  try {
    return { name, ...mapInfo(fd) };
  } finally {
    libc.close(fd);
  }
}

/** What makes one map no other's replacement, in words; undefined where nothing does. */
export function shapeDifference(is: MapShape, wanted: MapShape): string | undefined {
  const facts = ['type', 'keySize', 'valueSize', 'maxEntries'] as const;
  const differing = facts.find((fact) => is[fact] !== wanted[fact]);
  return differing && `${differing} ${is[differing]} is to be ${wanted[differing]}`;
}

/** What is pinned in the directory itself; nothing where there is none. To be disposed of. @throws KernelError */
export function openPinnedMaps(directory: string): PinnedMaps {
  const maps = new Map<string, PinnedMap>();
  const types = new Map<number, Btf>();
  for (const name of filesIn(directory)) {
    const fd = pinned(command.get, join(directory, name));
    if (fd >= 0) maps.set(name, describePinned({ fd, name }, types));
  }
  return {
    get: (name) => maps.get(name),
    names: [...maps.keys()],
    [Symbol.dispose]: () => {
      for (const { map } of maps.values()) map.close();
    },
  };
}

/** Takes the descriptor over. Most maps of a directory share their BTF, which is read once. */
function describePinned({ fd, name }: { fd: number; name: string }, types: Map<number, Btf>): PinnedMap {
  const { btf, key, value } = mapTypes(fd);
  const map = new KernelMap({ fd, name, ...mapInfo(fd) });
  if (btf === 0) return { map };
  const all = types.get(btf) ?? decodeBtf(btfBytes(btf));
  types.set(btf, all);
  return { map, key: structLayout(all, key), value: structLayout(all, value) };
}

function structLayout(btf: Btf, id: number): Layout<Fields> | undefined {
  const struct = btf.structAt(id);
  if (struct === undefined) return undefined;
  return layoutOf<Fields>(struct.name, Object.fromEntries(btf.structs().map((one) => [one.name, one])));
}

function filesIn(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Ids of the maps that are pinned in this directory and below it; of one that is not there, none. */
export function pinnedMapIds(directory: string): number[] {
  return filesBelow(directory).flatMap((path) => {
    const fd = pinned(command.get, path);
    if (fd < 0) return [];
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:bpf-map' ? [mapInfo(fd).id] : [];
    } finally {
      libc.close(fd);
    }
  });
}

function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

const pollMs = 5;

/** Resolves with the ids that still exist: none, unless the time is over. */
export async function untilMapsFreed(
  ids: readonly number[],
  { timeoutMs, clock }: { timeoutMs: number; clock: Clock },
): Promise<number[]> {
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const left = ids.filter(mapExists);
    if (left.length === 0 || clock.monotonic() >= deadline) return left;
    await clock.sleep(pollMs);
  }
}

/** BPF_MAP_GET_FD_BY_ID tells. */
function mapExists(id: number): boolean {
  const fd = withScratch((scratch) => {
    const { view, bytes } = scratch(16);
    view.setUint32(0, id, true);
    return libc.bpf(command.mapById, bytes);
  });
  if (fd >= 0) libc.close(fd);
  return fd >= 0;
}
