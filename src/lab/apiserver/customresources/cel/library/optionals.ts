/** Optional values (cel-go, cel/library.go), beyond what the environment has of them. */
import { Optional } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import type { Library } from './library.ts';

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  return value instanceof Duration ? value.seconds === 0n && value.nanos === 0 : false;
}

const unwrap = (list: readonly Optional[]) => list.filter((o) => o.hasValue()).map((o) => o.value());

/** By the name that the environment has for `optional`. */
export const optionals: Library = {
  functions: {
    'OptionalNamespace.ofNonZeroValue(T): optional<T>': (_: unknown, value: unknown) =>
      isZero(value) ? Optional.none() : Optional.of(value),
    'OptionalNamespace.unwrap(list<optional<T>>): list<T>': (_: unknown, list: Optional[]) => unwrap(list),
    'list<optional<T>>.unwrapOpt(): list<T>': unwrap,
    'list<T>.first(): optional<T>': (list: unknown[]) => Optional.of(list[0]),
    'list<T>.last(): optional<T>': (list: unknown[]) => Optional.of(list.at(-1)),
  },
};
