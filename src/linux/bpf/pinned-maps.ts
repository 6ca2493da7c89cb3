/**
 * When the kernel has let go of BPF maps. A map lives as long as a program that uses it, and a program as long as what
 * it is attached to: once the maps that were pinned in a directory are gone, so are the programs around them.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../util/clock.ts';
import { withScratch } from '../ffi/arena.ts';
import * as libc from '../ffi/libc.ts';
import { command, mapInfo, pinned } from './bpf-command.ts';

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
