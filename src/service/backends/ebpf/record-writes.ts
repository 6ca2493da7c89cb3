/** The map writes that changes of records come to, in no order. Pure. */
import { indexKey } from './index-key.ts';
import { type BackendRecord, backendValue, unpacked } from './ledger.ts';
import type { MapWrite } from './map-write.ts';
import type { Overlay } from './overlay.ts';

export function backendWrites(backends: Overlay<string, BackendRecord>): MapWrite[] {
  const map = 'backends';
  const writes: MapWrite[] = [];
  for (const { key, before, after } of backends.changes()) {
    if (after === undefined && before !== undefined)
      writes.push({ map, op: 'delete', key: indexKey(before.id) });
    if (after === undefined || (before?.flags === after.flags && before.generation === after.generation))
      continue;
    writes.push({ map, op: 'update', key: indexKey(after.id), value: backendValue(key, after) });
  }
  return writes;
}

/** Of maps whose keys and values the records have, packed. */
export function recordWrites(
  map: 'source_ranges' | 'frontends',
  records: Overlay<string, { value: string }>,
): MapWrite[] {
  const writes: MapWrite[] = [];
  for (const { key, before, after } of records.changes()) {
    if (after !== undefined && after.value !== before?.value)
      writes.push({ map, op: 'update', key: unpacked(key), value: unpacked(after.value) });
    if (after === undefined && before !== undefined) writes.push({ map, op: 'delete', key: unpacked(key) });
  }
  return writes;
}
