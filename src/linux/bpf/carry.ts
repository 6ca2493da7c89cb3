/**
 * Entries of one map as another of another layout has them. Fields are carried by their names: one that only the old
 * layout has is dropped, one that only the new layout has is zero, which must mean what entries without it meant. A
 * field that changed its type or meaning needs a function. Pure.
 */
import { TendrilError } from '../../util/errors.ts';
import type { Fields, PinnedMap } from './bpf.ts';
import type { Layout } from './layout.ts';

/** A change of meaning, or of type, of what a map holds. Both functions get what the version before it had. */
export interface Migration {
  map: string;
  /** The first version of all layouts that has it. */
  version: number;
  key?(old: Fields): Fields;
  value?(old: Fields): Fields;
}

type Side = 'key' | 'value';
type Bytes = (old: Uint8Array) => Uint8Array;
/** Writes there, where all is zero. */
type Convert = (bytes: Uint8Array, into: Uint8Array, at: number) => void;

/**
 * @param migrations of this map, in order
 * @throws TendrilError BPF_LAYOUT where a field is of another type and no migration says what becomes of it
 */
export function carrier(
  from: PinnedMap,
  to: PinnedMap,
  migrations: readonly Migration[],
): Record<Side, Bytes> {
  return {
    key: carrySide('key', { from, to, migrations }),
    value: carrySide('value', { from, to, migrations }),
  };
}

interface Carriage {
  from: PinnedMap;
  to: PinnedMap;
  migrations: readonly Migration[];
}

function carrySide(side: Side, { from, to, migrations }: Carriage): Bytes {
  const steps = migrations.flatMap((migration) => migration[side] ?? []);
  const [before, after] = [from[side], to[side]];
  const [oldSize, newSize] = [from.map[`${side}Size`], to.map[`${side}Size`]];
  if (before === undefined || after === undefined) {
    if (oldSize === newSize) return (bytes) => bytes;
    throw new TendrilError(
      'BPF_LAYOUT',
      `${from.map.name}: each ${side} has ${oldSize} bytes, not ${newSize}`,
    );
  }
  if (steps.length === 0) {
    if (before.shape === after.shape) return (bytes) => bytes;
    mustAgree(`${from.map.name}: `, before, after);
  }
  const moved = steps.length === 0 ? mover(before, after) : undefined;
  const convert: Convert =
    moved ??
    ((bytes, into, at) => {
      const fields = steps.reduce((old, step) => step(old), before.decode(bytes));
      after.encode(fields, into, at);
    });
  return (bytes) => each(bytes, before.size, { size: newSize, step: padded(after.size), convert });
}

/** Of a per-CPU map a value is one for each CPU, each padded to 8 bytes. */
function each(
  bytes: Uint8Array,
  oldSize: number,
  to: { size: number; step: number; convert: Convert },
): Uint8Array {
  const result = new Uint8Array(to.size);
  for (let from = 0, at = 0; from < bytes.length; from += padded(oldSize), at += to.step)
    to.convert(bytes.slice(from, from + oldSize), result, at);
  return result;
}

function padded(size: number): number {
  return Math.ceil(size / 8) * 8;
}

const scalar = /^(__u8|__u16|__u32|__u64|__be16|__be32|address)(\[\d+\])?$/;

/** Some 20 times as fast as to decode and encode. Undefined where a structure within may have changed. */
function mover(before: Layout<Fields>, after: Layout<Fields>): Convert | undefined {
  const moves = Object.entries(after.places).flatMap(([field, { offset, size, type }]) => {
    const from = before.places[field];
    return from === undefined ? [] : [{ from: from.offset, to: offset, size, type }];
  });
  if (moves.some(({ type }) => !scalar.test(type))) return undefined;
  return (bytes, into, at) => {
    for (const { from, to, size } of moves) into.set(bytes.subarray(from, from + size), at + to);
  };
}

function mustAgree(where: string, before: Layout<Fields>, after: Layout<Fields>): void {
  for (const [field, { type }] of Object.entries(after.places)) {
    const old = before.places[field]?.type;
    if (old !== undefined && old !== type)
      throw new TendrilError('BPF_LAYOUT', `${where}${field} is ${old} in the pinned map, ${type} here`);
  }
}
