/** Carries a plan out: neighbouring writes to one map in one batch, short stretches, the order kept. */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import type { MapName, MapWrite } from './map-write.ts';

const batchLimit = 2000;

/**
 * @returns how many entries were written
 * @throws TendrilError MAP_FULL, KERNEL_CALL; what came before is written then
 */
export async function apply(
  maps: Record<MapName, BpfMap>,
  writes: readonly MapWrite[],
  slice = new TimeSlice(),
): Promise<number> {
  for (const batch of batches(writes)) {
    writeBatch(maps[batch[0]!.map], batch);
    await slice.breathe();
  }
  return writes.length;
}

function* batches(writes: readonly MapWrite[]): Generator<MapWrite[]> {
  for (let start = 0; start < writes.length; ) {
    const { map, op } = writes[start]!;
    let end = start + 1;
    while (
      end < writes.length &&
      end - start < batchLimit &&
      writes[end]!.map === map &&
      writes[end]!.op === op
    )
      end++;
    yield writes.slice(start, end);
    start = end;
  }
}

function writeBatch(map: BpfMap, batch: readonly MapWrite[]): void {
  const keys = Buffer.concat(batch.map((write) => write.key));
  if (batch[0]!.op === 'delete') map.deleteBatch(keys, batch.length);
  else map.updateBatch(keys, Buffer.concat(batch.map((write) => write.value!)), batch.length);
}
