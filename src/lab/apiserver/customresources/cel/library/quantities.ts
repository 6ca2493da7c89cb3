/** quantity() and its arithmetic (apiserver, cel/library/quantity.go): exact, to the nano. */
import type { Library } from './library.ts';

const nano = 9;

/** In billionths of one. */
class Quantity {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  get isInteger(): boolean {
    return this.nanos % 10n ** BigInt(nano) === 0n && BigInt.asIntN(64, this.integer) === this.integer;
  }

  get integer(): bigint {
    return this.nanos / 10n ** BigInt(nano);
  }

  compare(other: Quantity): -1 | 0 | 1 {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0;
  }

  equals(other: unknown): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }
}

const binary: Record<string, bigint> = { Ki: 1n, Mi: 2n, Gi: 3n, Ti: 4n, Pi: 5n, Ei: 6n };
const decimal: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const pattern = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)((?:[KMGTPE]i)|[numkMGTPE]|[eE][+-]?\d+)?$/;

/** A number without a point, times a power of ten, in billionths; what is smaller is rounded away from zero. */
function shifted(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const divisor = 10n ** BigInt(-exponent);
  return digits / divisor + (digits % divisor === 0n ? 0n : 1n);
}

function readQuantity(text: string): Quantity | undefined {
  const [, sign, number, suffix = ''] = pattern.exec(text) ?? [];
  if (number === undefined) return undefined;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(whole + fraction || '0') * 1024n ** (binary[suffix] ?? 0n);
  const power = /^[eE]/.test(suffix) && suffix.length > 1 ? Number(suffix.slice(1)) : (decimal[suffix] ?? 0);
  if (Math.abs(power) > 1000) return undefined;
  const nanos = shifted(digits, power + nano - fraction.length);
  return new Quantity(sign === '-' ? -nanos : nanos);
}

function toQuantity(text: string): Quantity {
  const quantity = readQuantity(text);
  if (quantity !== undefined) return quantity;
  throw new Error(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function asInteger(quantity: Quantity): bigint {
  if (quantity.isInteger) return quantity.integer;
  throw new Error('cannot convert value to integer');
}

const one = 10n ** BigInt(nano);
const type = 'kubernetes.Quantity';

export const quantities: Library = {
  types: { [type]: Quantity },
  functions: {
    [`quantity(string): ${type}`]: toQuantity,
    'isQuantity(string): bool': (text: string) => readQuantity(text) !== undefined,
    [`${type}.isInteger(): bool`]: (q: Quantity) => q.isInteger,
    [`${type}.asInteger(): int`]: asInteger,
    [`${type}.asApproximateFloat(): double`]: (q: Quantity) => Number(q.nanos) / 10 ** nano,
    [`sign(${type}): int`]: (q: Quantity) => BigInt(q.compare(new Quantity(0n))),
    [`${type}.isGreaterThan(${type}): bool`]: (a: Quantity, b: Quantity) => a.compare(b) > 0,
    [`${type}.isLessThan(${type}): bool`]: (a: Quantity, b: Quantity) => a.compare(b) < 0,
    [`${type}.compareTo(${type}): int`]: (a: Quantity, b: Quantity) => BigInt(a.compare(b)),
    [`${type}.add(${type}): ${type}`]: (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
    [`${type}.add(int): ${type}`]: (a: Quantity, b: bigint) => new Quantity(a.nanos + b * one),
    [`${type}.sub(${type}): ${type}`]: (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
    [`${type}.sub(int): ${type}`]: (a: Quantity, b: bigint) => new Quantity(a.nanos - b * one),
  },
};
