/**
 * The kinds that a policy's expressions are checked against (apiserver, policy/validating/typechecking.go): those that its
 * rules name, without wildcards. What is wrong for one of them is no reason to refuse the policy, only to warn.
 */

import type { JsonSchema } from '../../customresources/schema/json-schema.ts';
import type { JsonObject } from '../../json.ts';
import { apiVersionOf, type Resource } from '../../registry/resource.ts';
import { loadedDefinitions } from '../../schema/definitions.ts';
import { schemaOfDefinition } from '../cel/definition-schema.ts';

/** Of one rule. */
const maxKinds = 10;

export interface CheckedKind {
  /** `apps/v1, Kind=Deployment`, as Go prints a GroupVersionKind. */
  text: string;
  kind: string;
  schema: JsonSchema;
}

const withWildcard = (names: readonly string[]) => names.some((name) => name.includes('*'));

/** Go's REST mapper takes an empty group for any. */
function named(
  resources: readonly Resource[],
  [group, version, plural]: [string, string, string],
): Resource[] {
  return resources.filter(
    (r) => r.plural === plural && r.version === version && (group === '' || r.group === group),
  );
}

function resourcesOf(rule: JsonObject, resources: readonly Resource[]): Resource[] {
  const { apiGroups = [], apiVersions = [], resources: plurals = [] } = rule;
  if (withWildcard(apiGroups) || withWildcard(apiVersions)) return [];
  const plain = (plurals as string[]).filter((plural) => !/[*/]/.test(plural)).sort();
  return ([...apiGroups] as string[])
    .sort()
    .flatMap((group) =>
      ([...apiVersions] as string[])
        .sort()
        .flatMap((version) => plain.flatMap((plural) => named(resources, [group, version, plural]))),
    );
}

function checkedKind(resource: Resource): CheckedKind | undefined {
  const { group, version, kind, definition } = resource;
  const definitions = resource.managedSchemas() ?? loadedDefinitions();
  if (definitions?.all[definition] === undefined) return undefined;
  const text = `${group}/${version}, Kind=${kind}`;
  return { text, kind, schema: schemaOfDefinition(definitions, definition) };
}

const order = ({ group, version, kind }: Resource) => [group, version, kind].join('\0');

/** Sorted by group, version and kind. */
export function kindsOfRules(rules: readonly JsonObject[], resources: readonly Resource[]): CheckedKind[] {
  const found = new Set<Resource>();
  for (const rule of rules) {
    const own = resourcesOf(rule, resources).slice(0, maxKinds);
    for (const resource of own) found.add(resource);
    if (own.length === maxKinds) break;
  }
  const sorted = [...found].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return sorted.flatMap((resource) => checkedKind(resource) ?? []);
}

/** Undefined for a kind that there is not: nothing is known of its fields then. */
export function kindOfParams(
  paramKind: JsonObject | undefined,
  resources: readonly Resource[],
): CheckedKind | undefined {
  const resource = resources.find(
    (r) => apiVersionOf(r) === paramKind?.apiVersion && r.kind === paramKind?.kind,
  );
  return resource && checkedKind(resource);
}
