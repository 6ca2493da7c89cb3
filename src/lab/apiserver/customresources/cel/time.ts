/** Durations and times as Go writes them. */
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { isDate } from '../schema/formats.ts';

const units: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const second = 1_000_000_000n;

/** Nanoseconds of `1.5`, whose unit has so many. */
function scaled(number: string, unit: bigint): bigint {
  const [whole = '', fraction = ''] = number.split('.');
  const parts = fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
  return BigInt(whole || '0') * unit + parts;
}

/** Of Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `0`. Undefined for what is none. */
export function parseDuration(text: string): Duration | undefined {
  const [, sign, rest] = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (rest === undefined) return undefined;
  let nanos = 0n;
  for (const [, number, unit] of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    nanos += scaled(number!, units[unit!]!);
  return durationOf(sign === '-' ? -nanos : nanos);
}

export function durationOf(nanos: bigint): Duration {
  return new Duration(nanos / second, Number(nanos % second));
}

export function nanosOf(duration: Duration): bigint {
  return duration.seconds * second + BigInt(duration.nanos);
}

/** RFC 3339, to the millisecond. Undefined for what is none. */
export function parseTimestamp(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text))
    return undefined;
  if (!isDate(text.slice(0, 10))) return undefined;
  const time = new Date(text.toUpperCase());
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** As Go prints a duration in seconds: `1.5s`. */
export function secondsText(duration: Duration): string {
  const nanos = nanosOf(duration);
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}s`;
}

export const timeText = (time: Date) => time.toISOString().replace(/\.?0*Z$/, 'Z');
