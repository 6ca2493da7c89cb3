/** Where two servers' answers differ, in a few words for each. */
import type { Heard } from './case.ts';
import type { Json } from './exchange.ts';

/** Paths of what is in one and not, or otherwise, in the other. */
export function differingPaths(a: unknown, b: unknown, path = ''): string[] {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return a === b ? [] : [path];
  if (Array.isArray(a) !== Array.isArray(b)) return [path];
  const [one, other] = [a as Json, b as Json];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) =>
    differingPaths(one[key], other[key], path === '' ? key : `${path}.${key}`),
  );
}

function outcome({ status, reason, body }: Json): string {
  const why = reason ?? body?.reason;
  return why ? `${status} ${why}` : `${status}`;
}

const maxPaths = 6;

/** One line, or none. */
export function difference(real: Heard, lab: Heard): string[] {
  const [a, b] = [real.answer as Json, lab.answer as Json];
  if (a.status !== b.status) return [`kube-apiserver ${outcome(a)}, lab ${outcome(b)}`];
  const paths = differingPaths(a, b).map((path) => path.replace(/^body\./, ''));
  if (paths.length === 0) return [];
  const told = paths.slice(0, maxPaths).join(', ');
  return [`${outcome(a)}, but not the same ${told}${paths.length > maxPaths ? ', …' : ''}`];
}

/** All of a case, each with its place in it and what was asked. */
export function differences(name: string, real: Heard[], lab: Heard[]): string {
  const lines = real.flatMap(({ request }, i) =>
    difference(real[i]!, lab[i]!).map((text) => `  [${i}] ${request}\n        ${text}`),
  );
  return lines.length === 0 ? '' : [name, ...lines, ''].join('\n');
}
