/** A number of things, or a share of them: `maxSurge: 1`, `maxUnavailable: 25%`. */
import { TendrilError } from '../util/errors.ts';

/** The number, a percentage taken of `total` and rounded as told. Throws BAD_INPUT. */
export function scaledValue(value: number | string, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const m = /^(\d+)%$/.exec(value);
  if (m === null) throw new TendrilError('BAD_INPUT', `"${value}" is neither a number nor a percentage`);
  const share = (Number(m[1]) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}
