/** Who may do what by Roles and their bindings (plugin/pkg/auth/authorizer/rbac). Nothing that is not granted is allowed. */
import { compileSelector } from '../../../kube/selectors.ts';
import type { UserInfo } from '../api-request.ts';
import type { JsonObject } from '../json.ts';
import type { Storage } from '../storage/storage.ts';
import { type Attributes, isResource, type PathAttributes, type ResourceAttributes } from './attributes.ts';

export interface Decision {
  allowed: boolean;
  reason: string;
}

/** Rules that a user has, cluster-wide or in a namespace. */
export interface GrantedRules {
  rules: PolicyRule[];
  /** Roles that a binding names and that are not there. */
  problems: string[];
}

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export interface Authorizer {
  /** `reason` is what the client is told where it is refused. */
  authorize(user: UserInfo, attributes: Attributes): Decision;
  /** What the user may do in the namespace, or in the whole cluster, as SelfSubjectRulesReview tells it. */
  rulesOf(user: UserInfo, namespace: string | undefined): GrantedRules;
  /** What a role that a binding names grants; undefined where there is none. */
  rulesOfRole(role: RoleReference, namespace: string | undefined): PolicyRule[] | undefined;
}

export interface RoleReference {
  kind: string;
  name: string;
}

const all: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Everybody whom the server knows may do everything. */
export const allowAll: Authorizer = {
  authorize: () => ({ allowed: true, reason: 'the lab lets every known user do everything' }),
  rulesOf: () => ({ rules: all, problems: [] }),
  rulesOfRole: () => [],
};

const group = 'rbac.authorization.k8s.io';

export class RbacAuthorizer implements Authorizer {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  authorize(user: UserInfo, attributes: Attributes): Decision {
    if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
    const namespace = isResource(attributes) ? attributes.namespace : undefined;
    const problems: string[] = [];
    for (const { role, reason, problem } of this.#grants(user, namespace)) {
      if (problem !== undefined) problems.push(problem);
      if (this.#rulesOf(role).some((rule) => ruleAllows(rule, attributes)))
        return { allowed: true, reason: `RBAC: allowed by ${reason}` };
    }
    return { allowed: false, reason: problems.length > 0 ? `RBAC: [${problems.join(', ')}]` : '' };
  }

  rulesOf(user: UserInfo, namespace: string | undefined): GrantedRules {
    if (user.groups.includes('system:masters')) return { rules: all, problems: [] };
    const grants = [...this.#grants(user, namespace)];
    return {
      rules: grants.flatMap(({ role }) => this.#rulesOf(role)),
      problems: grants.flatMap(({ problem }) => problem ?? []),
    };
  }

  rulesOfRole(reference: RoleReference, namespace: string | undefined): PolicyRule[] | undefined {
    const role = this.#roleOf(reference, namespace);
    return role && this.#rulesOf(role);
  }

  #roleOf({ kind, name }: RoleReference, namespace: string | undefined): JsonObject | undefined {
    return kind === 'ClusterRole'
      ? this.#storage.get(`${group}/clusterroles`, name)
      : this.#storage.get(`${group}/roles`, `${namespace}/${name}`);
  }

  *#grants(user: UserInfo, namespace: string | undefined) {
    const bindings = [
      ...this.#storage.list(`${group}/clusterrolebindings`),
      ...(namespace === undefined ? [] : this.#storage.list(`${group}/rolebindings`, { namespace })),
    ] as JsonObject[];
    for (const binding of bindings) {
      const subject = (binding.subjects ?? []).find((s: JsonObject) =>
        isSubject(s, user, binding.metadata.namespace),
      );
      if (subject === undefined) continue;
      const { kind, name } = binding.roleRef;
      const role = this.#roleOf(binding.roleRef, binding.metadata.namespace);
      const problem = `${kind.toLowerCase()}.${group} ${JSON.stringify(name)} not found`;
      const { name: bindingName, namespace: at } = binding.metadata;
      const where = at ? `${bindingName}/${at}` : bindingName;
      const reason = `${binding.kind} ${JSON.stringify(where)} of ${kind} ${JSON.stringify(name)} to ${subject.kind} ${JSON.stringify(subjectName(subject))}`;
      yield role ? { role, reason } : { role: {}, reason, problem };
    }
  }

  #rulesOf({ aggregationRule, rules }: JsonObject): PolicyRule[] {
    const selectors = aggregationRule?.clusterRoleSelectors as JsonObject[] | undefined;
    if (selectors === undefined) return rules ?? [];
    const matching = selectors.map((selector) => compileSelector(selector));
    const roles = this.#storage.list(`${group}/clusterroles`) as JsonObject[];
    return roles
      .filter((role) => role.aggregationRule === undefined)
      .filter((role) => matching.some((matches) => matches(role.metadata.labels)))
      .flatMap((role) => role.rules ?? []);
  }
}

function subjectName({ kind, namespace, name }: JsonObject): string {
  return kind === 'ServiceAccount' ? `${name}/${namespace}` : name;
}

function isSubject({ kind, name, namespace }: JsonObject, user: UserInfo, own: string | undefined): boolean {
  switch (kind) {
    case 'User':
      return name === user.username;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.username === `system:serviceaccount:${namespace ?? own}:${name}`;
    default:
      return false;
  }
}

const has = (list: readonly string[] | undefined, value: string) =>
  list?.some((entry) => entry === '*' || entry === value) === true;

/** Whether one rule alone grants what is asked. */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  return isResource(attributes) ? allowsResource(rule, attributes) : allowsPath(rule, attributes);
}

function allowsResource(
  { apiGroups, resources = [], resourceNames = [] }: PolicyRule,
  { group: apiGroup, resource, subresource, name = '' }: ResourceAttributes,
): boolean {
  if (!has(apiGroups, apiGroup)) return false;
  const asked = subresource === undefined ? resource : `${resource}/${subresource}`;
  const matches = resources.some(
    (entry) =>
      entry === '*' || entry === asked || (subresource !== undefined && entry === `*/${subresource}`),
  );
  return matches && (resourceNames.length === 0 || resourceNames.includes(name));
}

function allowsPath({ nonResourceURLs = [] }: PolicyRule, { path }: PathAttributes): boolean {
  return nonResourceURLs.some(
    (entry) =>
      entry === '*' || entry === path || (entry.endsWith('*') && path.startsWith(entry.slice(0, -1))),
  );
}
