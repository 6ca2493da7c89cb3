/** Writes to the Service maps, as a plan has them. */

export type MapName = 'backends' | 'slots' | 'source_ranges' | 'frontends';

export interface MapWrite {
  map: MapName;
  op: 'update' | 'delete';
  key: Uint8Array;
  /** Absent for deletions. */
  value?: Uint8Array;
}

/** How many entries each map can hold. */
export type Capacity = Readonly<Record<MapName, number>>;

/** Each map's entries name entries of those before it: what is new comes in this order, what is stale goes in the opposite one. */
const order: readonly MapName[] = ['backends', 'slots', 'source_ranges', 'frontends'];

/** So that whatever a packet finds in between is whole: the transaction that BPF lacks. */
export function inOrder(writes: Readonly<Record<MapName, readonly MapWrite[]>>): MapWrite[] {
  const those = (op: MapWrite['op']) => (map: MapName) => writes[map].filter((write) => write.op === op);
  return [...order.flatMap(those('update')), ...order.toReversed().flatMap(those('delete'))];
}
