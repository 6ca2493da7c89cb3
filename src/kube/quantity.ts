/** Kubernetes quantities (`100m`, `1.5Gi`, `2e3`) as numbers. Grammar: apimachinery pkg/api/resource/quantity.go. */
import { TendrilError } from '../util/errors.ts';

const factors: Record<string, number> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value in the base unit (cores, bytes). Exact to the precision of a double. Throws BAD_INPUT. */
export function parseQuantity(quantity: string | number): number {
  if (typeof quantity === 'number') return quantity;
  const m = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(quantity);
  if (m === null)
    throw new TendrilError('BAD_INPUT', `"${quantity}" is not a quantity`, {
      remedy: 'Examples: 100m, 1.5Gi.',
    });
  const [, digits, exponent, suffix = ''] = m;
  if (exponent !== undefined) return Number(`${digits}e${exponent}`);
  const value = Number(digits) * factors[suffix]!;
  // 100m is a tenth, not 0.1 plus rounding: sums of requests must reach a whole core exactly.
  return suffix === 'm' ? Number(digits) / 1000 : value;
}

/**
 * A whole value as a canonical quantity, binary or decimal like another one: the largest unit that leaves it whole.
 * Go: Quantity.String after arithmetic.
 */
export function formatQuantity(value: number, like: string | number): string {
  const binary = /i$/.test(String(like));
  const units = binary ? ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki'] : ['E', 'P', 'T', 'G', 'M', 'k'];
  const unit = units.find((each) => value !== 0 && value % factors[each]! === 0);
  return unit === undefined ? String(value) : `${value / factors[unit]!}${unit}`;
}

/** The value in units of the divisor ("0" and absent mean 1), rounded up: what kubelet writes for resourceFieldRef. */
export function inUnits(value: string | number, divisor: string | number | undefined): string {
  const unit = divisor === undefined ? 1 : parseQuantity(divisor) || 1;
  // Binary fractions of decimal scales miss by a hair: 100m in units of 1m must be 100, not 101.
  return String(Math.ceil(Number((parseQuantity(value) / unit).toPrecision(12))));
}
