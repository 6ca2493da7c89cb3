/** A definition's status: which of its names are free, and that it is served (apiextensions-apiserver, controller/status). */
import type { Condition, CustomResourceDefinition, DefinitionStatus, Names } from './definition.ts';

/** What else the group has. */
export interface Neighbours {
  others: readonly CustomResourceDefinition[];
  builtIn: readonly Names[];
}

interface Taken {
  resources: ReadonlySet<string>;
  kinds: ReadonlySet<string>;
}

function takenBy({ others, builtIn }: Neighbours): Taken {
  const accepted = [...builtIn, ...others.map((o) => o.status?.acceptedNames ?? {})];
  const given = (texts: (string | undefined)[]) => new Set(texts.filter((t): t is string => Boolean(t)));
  return {
    resources: given(accepted.flatMap((n) => [n.plural, n.singular, ...(n.shortNames ?? [])])),
    kinds: given(accepted.flatMap((n) => [n.kind, n.listKind])),
  };
}

type Conflict = { reason: string; message: string };

const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;

/** The names that the definition gets, and the last conflict. */
function acceptNames(
  wanted: Names,
  had: Partial<Names>,
  taken: Taken,
): [Partial<Names>, Conflict | undefined] {
  const accepted: Partial<Names> = { ...had };
  let conflict: Conflict | undefined;
  const accept = (key: 'plural' | 'singular' | 'kind' | 'listKind', among: ReadonlySet<string>) => {
    const name = wanted[key];
    if (name !== had[key] && among.has(name)) {
      conflict = { reason: `${key[0]!.toUpperCase()}${key.slice(1)}Conflict`, message: inUse(name) };
    } else accepted[key] = name;
  };
  accept('plural', taken.resources);
  accept('singular', taken.resources);
  const clashing = (wanted.shortNames ?? []).filter(
    (name) => !had.shortNames?.includes(name) && taken.resources.has(name),
  );
  if (clashing.length > 0) {
    const messages = clashing.map(inUse);
    const message = messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]`;
    conflict = { reason: 'ShortNamesConflict', message };
  } else if (wanted.shortNames) accepted.shortNames = wanted.shortNames;
  else delete accepted.shortNames;
  accept('kind', taken.kinds);
  accept('listKind', taken.kinds);
  if (wanted.categories) accepted.categories = wanted.categories;
  else delete accepted.categories;
  return [accepted, conflict];
}

function withCondition(conditions: readonly Condition[], next: Condition): Condition[] {
  const old = conditions.find((c) => c.type === next.type);
  if (old === undefined) return [...conditions, next];
  const lastTransitionTime = old.status === next.status ? old.lastTransitionTime : next.lastTransitionTime;
  return conditions.map((c) => (c === old ? { ...next, lastTransitionTime } : c));
}

const noConflict: Conflict = { reason: 'NoConflicts', message: 'no conflicts found' };

/** The status of a definition. `now` in RFC 3339. */
export function statusOf(
  definition: CustomResourceDefinition,
  neighbours: Neighbours,
  now: string,
): DefinitionStatus {
  const { spec, status } = definition;
  const [acceptedNames, conflict] = acceptNames(spec.names, status?.acceptedNames ?? {}, takenBy(neighbours));
  const condition = (type: string, holds: boolean, why: Conflict): Condition => ({
    lastTransitionTime: now,
    message: why.message,
    reason: why.reason,
    status: holds ? 'True' : 'False',
    type,
  });
  let conditions = status?.conditions ?? [];
  conditions = withCondition(conditions, condition('NamesAccepted', !conflict, conflict ?? noConflict));
  const wasEstablished = conditions.some((c) => c.type === 'Established' && c.status === 'True');
  if (!wasEstablished) {
    const why = conflict
      ? { reason: 'NotAccepted', message: 'not all names are accepted' }
      : { reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' };
    conditions = withCondition(conditions, condition('Established', !conflict, why));
  }
  const storage = spec.versions.find((v) => v.storage)?.name;
  const stored = status?.storedVersions ?? [];
  const storedVersions = storage === undefined || stored.includes(storage) ? stored : [...stored, storage];
  return { acceptedNames, conditions, storedVersions };
}

/** Said when its deletion begins. */
export function terminating(conditions: readonly Condition[], now: string): Condition[] {
  return withCondition(conditions, {
    lastTransitionTime: now,
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    reason: 'InstanceDeletionPending',
    status: 'True',
    type: 'Terminating',
  });
}
