/** In which order the upstreams of a query are tried. */
import type { PolicyName } from './options.ts';

type Order = <T>(upstreams: readonly T[]) => readonly T[];

export function createPolicy(name: PolicyName): Order {
  if (name === 'sequential') return (upstreams) => upstreams;
  if (name === 'random') return shuffled;
  let turn = 0;
  return (upstreams) => {
    if (upstreams.length === 0) return upstreams;
    const first = ++turn % upstreams.length;
    return [upstreams[first]!, ...upstreams.slice(0, first), ...upstreams.slice(first + 1)];
  };
}

/** A copy in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const chosen = Math.floor(Math.random() * (last + 1));
    [copy[last], copy[chosen]] = [copy[chosen]!, copy[last]!];
  }
  return copy;
}
