/** Kubernetes quantities (`500m`, `1Gi`, `2e3`) as numbers, as far as resourceFieldRef needs them. */
import { TendrilError } from '../../util/errors.ts';

const scales: Record<string, number> = {
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

/** @throws TendrilError BAD_INPUT */
export function parseQuantity(text: string | number): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(String(text));
  const scale = scales[match?.[2] ?? ''];
  if (!match || scale === undefined)
    throw new TendrilError('BAD_INPUT', `"${text}" is not a quantity such as 500m or 1Gi`);
  return Number(match[1]) * scale;
}

/** The value in units of the divisor ("0" and absent mean 1), rounded up: what kubelet writes for resourceFieldRef. */
export function inUnits(value: string | number, divisor: string | number | undefined): string {
  const unit = divisor === undefined ? 1 : parseQuantity(divisor) || 1;
  // Binary fractions of decimal scales miss by a hair: 100m in units of 1m must be 100, not 101.
  return String(Math.ceil(Number((parseQuantity(value) / unit).toPrecision(12))));
}
