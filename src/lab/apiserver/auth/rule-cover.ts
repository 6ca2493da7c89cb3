/** Whether some rules grant all that others do (component-helpers, auth/rbac/validation), and how the rest is told. */
import type { PolicyRule } from './rbac.ts';

/** What `owned` does not grant of `wanted`, each for one verb and one resource, or one name of it, or one path. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(brokenDown).filter((rule) => !owned.some((owner) => covers(owner, rule)));
}

function brokenDown({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames = [],
  nonResourceURLs = [],
}: PolicyRule): PolicyRule[] {
  const names = resourceNames.length > 0 ? resourceNames.map((name) => ({ resourceNames: [name] })) : [{}];
  const onResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        names.map((name) => ({ apiGroups: [group], resources: [resource], verbs: [verb], ...name })),
      ),
    ),
  );
  const onPaths = nonResourceURLs.flatMap((url) =>
    verbs.map((verb) => ({ nonResourceURLs: [url], verbs: [verb] })),
  );
  return [...onResources, ...onPaths];
}

const hasAll = (owned: readonly string[] = [], wanted: readonly string[] = []) =>
  wanted.every((entry) => owned.includes(entry));
const hasStarOrAll = (owned: readonly string[] | undefined, wanted: readonly string[] | undefined) =>
  owned?.includes('*') === true || hasAll(owned, wanted);

function covers(owner: PolicyRule, rule: PolicyRule): boolean {
  const named = (owner.resourceNames?.length ?? 0) > 0;
  const names =
    !named || ((rule.resourceNames?.length ?? 0) > 0 && hasAll(owner.resourceNames, rule.resourceNames));
  return (
    names &&
    hasStarOrAll(owner.verbs, rule.verbs) &&
    hasStarOrAll(owner.apiGroups, rule.apiGroups) &&
    (rule.resources ?? []).every((resource) => coversResource(owner.resources ?? [], resource)) &&
    (rule.nonResourceURLs ?? []).every((url) => coversUrl(owner.nonResourceURLs ?? [], url))
  );
}

function coversResource(owned: readonly string[], resource: string): boolean {
  const slash = resource.indexOf('/');
  const anyWith = slash < 0 ? undefined : `*${resource.slice(slash)}`;
  return owned.some((entry) => entry === '*' || entry === resource || entry === anyWith);
}

function coversUrl(owned: readonly string[], url: string): boolean {
  return owned.some(
    (entry) => entry === url || (entry.endsWith('*') && url.startsWith(entry.replace(/\*+$/, ''))),
  );
}

/** One line for each resource, in order: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function describeRules(rules: readonly PolicyRule[]): string {
  const compact = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...what } = rule;
    const key = JSON.stringify(rule.nonResourceURLs === undefined ? what : rule);
    const others = compact.get(key)?.verbs ?? [];
    compact.set(key, { ...rule, verbs: [...others, ...verbs] });
  }
  return [...new Set([...compact.values()].map(describeRule))].sort().join('\n');
}

function describeRule({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ];
  const told = parts.filter(([, list]) => list?.length).map(([name, list]) => `${name}:${quoted(list!)}`);
  return `{${told.join(', ')}}`;
}

/** As Go's %q prints a slice. */
export function quoted(list: readonly string[]): string {
  return `[${list.map((entry) => JSON.stringify(entry)).join(' ')}]`;
}
