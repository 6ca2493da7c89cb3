/** Equality of CEL values: by what they hold, numbers across their types. */
import { Optional } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';

/** A value of a type that Kubernetes adds to CEL. */
export interface CelValue {
  equals(other: unknown): boolean;
}

const isOurs = (value: object): value is CelValue => typeof (value as CelValue).equals === 'function';

function equalMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (!b.has(key) || !equalValues(value, b.get(key))) return false;
  return true;
}

const entriesOf = (value: object): ReadonlyMap<unknown, unknown> =>
  value instanceof Map ? value : new Map(Object.entries(value));

function equalObjects(a: object, b: object): boolean {
  if (isOurs(a)) return a.equals(b);
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((x, i) => equalValues(x, b[i]));
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Duration) return b instanceof Duration && a.seconds === b.seconds && a.nanos === b.nanos;
  if (a instanceof Optional)
    return b instanceof Optional && equalValues(a.orValue(undefined), b.orValue(undefined));
  const maps = (o: object) => o instanceof Map || o.constructor === Object || o.constructor === undefined;
  if (maps(a) ? !maps(b) : a.constructor !== b.constructor) return false;
  return equalMaps(entriesOf(a), entriesOf(b));
}

export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) return equalObjects(a, b);
  const numbers = [a, b].every((v) => typeof v === 'bigint' || typeof v === 'number');
  // biome-ignore lint/suspicious/noDoubleEquals: an int is equal to a double of the same value.
  return numbers && typeof a !== typeof b && (a as number) == (b as number);
}
