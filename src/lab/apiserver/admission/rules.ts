/** Whether rules are about a request, under its own resource or an equivalent one (admission/plugin/webhook/predicates). */
import type { Resource } from '../registry/resource.ts';
import type { ResourceRegistry } from '../registry/resource-registry.ts';
import type { AdmissionRequest } from './attributes.ts';

export interface Rule {
  operations?: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  resources?: string[];
  scope?: string;
  /** Of policies alone. */
  resourceNames?: string[];
}

const has = (list: readonly string[] = [], value: string) => list.includes('*') || list.includes(value);

/** A namespace is of the cluster, though requests about it are in it. */
function inScope(scope: string | undefined, resource: Resource, namespace: string): boolean {
  if (scope === undefined || scope === '*') return true;
  const ofCluster = (resource.group === '' && resource.plural === 'namespaces') || namespace === '';
  return scope === 'Cluster' ? ofCluster : scope === 'Namespaced' && !ofCluster;
}

function hasResource(list: readonly string[] = [], resource: string, subresource: string): boolean {
  return list.some((entry) => {
    const [name = '', ...rest] = entry.split('/');
    const sub = rest.join('/');
    return (name === '*' || name === resource) && (sub === '*' || sub === subresource);
  });
}

/** Whether one rule is about the request, were it for this resource. */
export function ruleMatches(
  rule: Rule,
  resource: Resource,
  { operation, subresource = '', namespace }: AdmissionRequest,
): boolean {
  return (
    inScope(rule.scope, resource, namespace) &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, resource.version) &&
    hasResource(rule.resources, resource.plural, subresource)
  );
}

function namesMatch({ resourceNames = [] }: Rule, { name }: AdmissionRequest): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name);
}

/** The other faces of the same objects: v1 and events.k8s.io/v1 Events, versions of a custom resource. */
function equivalentsOf(resources: ResourceRegistry, resource: Resource): Resource[] {
  return resources.all.filter((other) => other.collection === resource.collection && other !== resource);
}

/** The resource under which the first matching rule sees the request; undefined where none does. */
export function matchRules(
  { rules, matchPolicy }: { rules: readonly Rule[]; matchPolicy: string | undefined },
  request: AdmissionRequest,
  resources: ResourceRegistry,
): Resource | undefined {
  const matches = (rule: Rule, resource: Resource) =>
    ruleMatches(rule, resource, request) && namesMatch(rule, request);
  if (rules.some((rule) => matches(rule, request.resource))) return request.resource;
  if (matchPolicy !== 'Equivalent') return undefined;
  const equivalents = equivalentsOf(resources, request.resource);
  for (const rule of rules) {
    const found = equivalents.find((resource) => matches(rule, resource));
    if (found !== undefined) return found;
  }
  return undefined;
}
