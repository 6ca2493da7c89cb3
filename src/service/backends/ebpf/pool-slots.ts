/** Where a pool's members are: which slots change when members come and go. Pure. */
import { layouts } from './generated/layouts.ts';
import type { MapWrite } from './map-write.ts';

/** Keeps members at their slots, fills the gaps of those that left, appends what is new. */
export function arrange(before: readonly number[], want: ReadonlySet<number>): number[] {
  const placed = new Set<number>();
  const after: (number | undefined)[] = before.slice(0, want.size).map((member) => {
    if (!want.has(member) || placed.has(member)) return undefined;
    placed.add(member);
    return member;
  });
  const rest = [...want].filter((member) => !placed.has(member));
  for (let index = 0; rest.length > 0; index++) if (after[index] === undefined) after[index] = rest.shift()!;
  // An array that grew has room for more, which adds up over all pools.
  return after.slice() as number[];
}

/** Appends what makes the slots of `before` those of `after`. */
export function slotWrites(
  writes: MapWrite[],
  poolId: number,
  before: readonly number[],
  after: readonly number[],
): void {
  for (let index = 0; index < Math.max(before.length, after.length); index++) {
    const key = () => layouts.slotKey.encode({ poolId, index });
    const backendId = after[index];
    if (backendId === undefined) writes.push({ map: 'slots', op: 'delete', key: key() });
    else if (backendId !== before[index]) {
      writes.push({ map: 'slots', op: 'update', key: key(), value: layouts.slot.encode({ backendId }) });
    }
  }
}
