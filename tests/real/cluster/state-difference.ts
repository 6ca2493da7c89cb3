/** What a network leaves on a node, as text by kind and key, and how two such states differ. Pure. */

export const stateKinds = [
  'links',
  'addresses',
  'routes',
  'rules',
  'neighbours',
  'nftables',
  'iptables',
  'sysctls',
  'bpf pins',
  'cgroup programs',
  'interface programs',
  'files',
  'mounts',
  'processes',
] as const;

export type StateKind = (typeof stateKinds)[number];

/** Of each kind its things: a name that is the same at another time, and what is to be the same about it. */
export type NodeState = Record<StateKind, ReadonlyMap<string, string>>;

export interface Difference {
  kind: StateKind;
  key: string;
  change: 'new' | 'gone' | 'changed';
  before?: string;
  after?: string;
}

export function compareStates(before: NodeState, after: NodeState): Difference[] {
  return stateKinds.flatMap((kind) => {
    const keys = [...new Set([...before[kind].keys(), ...after[kind].keys()])].sort();
    return keys.flatMap((key) => differenceOf(kind, key, before[kind].get(key), after[kind].get(key)) ?? []);
  });
}

function differenceOf(
  kind: StateKind,
  key: string,
  before: string | undefined,
  after: string | undefined,
): Difference | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { kind, key, change: 'new', after: after! };
  if (after === undefined) return { kind, key, change: 'gone', before };
  return { kind, key, change: 'changed', before, after };
}

/** A line each. */
export function describeDifferences(differences: readonly Difference[]): string[] {
  return differences.map(({ kind, key, change, before, after }) =>
    [`${change} in ${kind}: ${key}`, before && `was ${before}`, after && `is ${after}`]
      .filter(Boolean)
      .join('; '),
  );
}

/** Things by name; of the same name, all that is known of them, sorted. */
export function byKey(entries: Iterable<readonly [key: string, value: string]>): Map<string, string> {
  const all = new Map<string, string[]>();
  for (const [key, value] of entries) all.set(key, [...(all.get(key) ?? []), value]);
  return new Map([...all].map(([key, values]) => [key, values.sort().join(' | ')]));
}
