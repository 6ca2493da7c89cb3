/** The options of `up` as values. */

import type { ControllerChoice } from '../../lab/external/probe.ts';
import type { IpFamilyMode } from '../../lab/topology/lab-options.ts';
import { TendrilError } from '../../util/errors.ts';

/** `90`, `60s`, `2m`, `500ms` in ms. @throws TendrilError USAGE */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'];
  if (match === null || unit === undefined)
    throw new TendrilError('USAGE', `${option} takes a duration such as 60s or 2m, not "${text}"`);
  return Number(match[1]) * unit;
}

/** @throws TendrilError USAGE */
export function parseCount(option: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new TendrilError('USAGE', `${option} takes a number, not "${text}"`);
  return Number(text);
}

/** Undefined: everything is allowed. @throws TendrilError USAGE */
export function parseAuthorization(text: string): 'rbac' | undefined {
  if (text === 'always-allow') return undefined;
  if (text === 'rbac') return text;
  throw new TendrilError('USAGE', `--authorization is rbac or always-allow, not "${text}"`);
}

/** Undefined: off. @throws TendrilError USAGE */
export function parseXdp(text: string): 'native' | 'generic' | undefined {
  if (text === 'off') return undefined;
  if (text === 'native' || text === 'generic') return text;
  throw new TendrilError('USAGE', `--xdp is off, native or generic, not "${text}"`);
}

/** @throws TendrilError USAGE */
export function parseControllers(text: string): ControllerChoice {
  if (text === 'auto' || text === 'lab' || text === 'external') return text;
  throw new TendrilError('USAGE', `--controllers is auto, lab or external, not "${text}"`);
}

/** @throws TendrilError USAGE */
export function parseFamilyMode(text: string): IpFamilyMode {
  if (text === 'dual' || text === 'ipv4' || text === 'ipv6') return text;
  throw new TendrilError('USAGE', `--ip-family is dual, ipv4 or ipv6, not "${text}"`);
}

/** Values of a repeatable option that also takes commas. */
export function splitList(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((value) => value.trim());
}
