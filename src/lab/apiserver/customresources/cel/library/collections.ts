/** Lists and sets (apiserver, cel/library/lists.go; cel-go, ext/lists.go and ext/sets.go). */

import { equalValues } from '../equality.ts';
import { durationOf, nanosOf } from '../time.ts';
import type { Functions, Library } from './library.ts';

type Order = -1 | 0 | 1;

export function compareValues(a: unknown, b: unknown): Order {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return Buffer.compare(a, b);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

const comparable = [
  'int',
  'uint',
  'double',
  'bool',
  'string',
  'bytes',
  'google.protobuf.Duration',
  'google.protobuf.Timestamp',
];

function extreme(name: string, wanted: Order): (list: readonly unknown[]) => unknown {
  return (list) => {
    if (list.length === 0) throw new Error(`${name} called on empty list`);
    return list.reduce((best, item) => (compareValues(item, best) === wanted ? item : best));
  };
}

const isSorted = (list: readonly unknown[]) =>
  list.every((x, i) => i === 0 || compareValues(list[i - 1], x) <= 0);

const ofComparable: Functions = Object.fromEntries(
  comparable.flatMap((t) => [
    [`list<${t}>.isSorted(): bool`, isSorted],
    [`list<${t}>.min(): ${t}`, extreme('min', -1)],
    [`list<${t}>.max(): ${t}`, extreme('max', 1)],
    [`list<${t}>.sort(): list<${t}>`, (list: unknown[]) => list.toSorted(compareValues)],
  ]),
);

const has = (list: readonly unknown[], value: unknown) => list.some((item) => equalValues(item, value));
const containsAll = (list: readonly unknown[], other: readonly unknown[]) => other.every((v) => has(list, v));

function slice(list: unknown[], start: bigint, end: bigint): unknown[] {
  if (start < 0n || end < 0n) throw new Error('cannot slice: negative indexes not supported');
  if (start > end)
    throw new Error(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > BigInt(list.length))
    throw new Error(`cannot slice(${start}, ${end}), list is length ${list.length}`);
  return list.slice(Number(start), Number(end));
}

function flatten(list: unknown[], depth: bigint): unknown[] {
  if (depth < 0n) throw new Error('level must be non-negative');
  return list.flat(Number(depth));
}

const maxRange = 1_000_000;

function range(count: bigint): bigint[] {
  if (count < 0n) throw new Error(`lists.range(${count}): negative size`);
  if (count > maxRange) throw new Error(`lists.range(${count}): too many`);
  return Array.from({ length: Number(count) }, (_, i) => BigInt(i));
}

const sum = (list: readonly bigint[]) => list.reduce((a, b) => a + b, 0n);

export const collections: Library = {
  namespaces: {
    sets: {
      'contains(list<T>, list<T>): bool': containsAll,
      'equivalent(list<T>, list<T>): bool': (a: unknown[], b: unknown[]) =>
        containsAll(a, b) && containsAll(b, a),
      'intersects(list<T>, list<T>): bool': (a: unknown[], b: unknown[]) => a.some((item) => has(b, item)),
    },
    lists: { 'range(int): list<int>': range },
  },
  functions: {
    ...ofComparable,
    'list<int>.sum(): int': sum,
    'list<double>.sum(): double': (list: readonly number[]) => list.reduce((a, b) => a + b, 0),
    'list<google.protobuf.Duration>.sum(): google.protobuf.Duration': (list: never[]) =>
      durationOf(sum(list.map(nanosOf))),
    'list<T>.indexOf(T): int': (list: unknown[], value: unknown) =>
      BigInt(list.findIndex((item) => equalValues(item, value))),
    'list<T>.lastIndexOf(T): int': (list: unknown[], value: unknown) =>
      BigInt(list.findLastIndex((item) => equalValues(item, value))),
    'list<T>.slice(int, int): list<T>': slice,
    'list<list<T>>.flatten(): list<T>': (list: unknown[]) => list.flat(1),
    'list<dyn>.flatten(int): list<dyn>': flatten,
    'list<T>.reverse(): list<T>': (list: unknown[]) => list.toReversed(),
    'list<T>.distinct(): list<T>': (list: unknown[]) =>
      list.filter((item, i) => list.findIndex((other) => equalValues(other, item)) === i),
  },
};
