/**
 * Nobody grants by a role, or a binding of one, what he does not have himself, unless he may `escalate` or `bind`
 * (pkg/registry/rbac: escalation_check.go and the policybased storages).
 */
import type { UserInfo } from '../api-request.ts';
import { equalJson, type JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { forbidden, notFound } from '../status.ts';
import type { ResourceAttributes } from './attributes.ts';
import type { Authorizer, PolicyRule } from './rbac.ts';
import { describeRules, missingRules, quoted } from './rule-cover.ts';

const group = 'rbac.authorization.k8s.io';
const everything: PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Looks at what is about to be stored, with its defaults. Throws Forbidden. */
export type WriteGuard = (next: JsonObject, old: JsonObject | undefined) => void;

export interface Writer {
  user: UserInfo;
  authorizer: Authorizer;
  /** Of the path. */
  namespace: string | undefined;
  name: string | undefined;
}

/** Undefined for resources that grant nothing, and for those who may do everything. */
export function escalationGuard(resource: Resource, writer: Writer): WriteGuard | undefined {
  if (resource.group !== group || writer.user.groups.includes('system:masters')) return undefined;
  const check = resource.plural.endsWith('bindings') ? checkBinding : checkRole;
  return (next, old) => {
    if (old === undefined || !isOnlyForCollector(next, old)) check({ resource, writer, next, old });
  };
}

interface Check {
  resource: Resource;
  writer: Writer;
  next: JsonObject;
  old: JsonObject | undefined;
}

/** Finalizers and owners are what the garbage collector changes. */
function isOnlyForCollector(next: JsonObject, old: JsonObject): boolean {
  const rest = ({ metadata, ...object }: JsonObject) => {
    const { finalizers: _f, ownerReferences: _o, managedFields: _m, ...kept } = metadata;
    return { ...object, metadata: kept };
  };
  return equalJson(rest(next), rest(old));
}

function mayDo({ user, authorizer }: Writer, attributes: ResourceAttributes): boolean {
  return authorizer.authorize(user, attributes).allowed;
}

function checkRole({ resource, writer, next, old }: Check): void {
  const { namespace, name } = writer;
  if (mayDo(writer, { verb: 'escalate', group, resource: resource.plural, namespace, name })) return;
  confirm(resource, writer, { name: next.metadata.name, rules: next.rules ?? [] });
  const aggregates = (role: JsonObject | undefined) =>
    role?.aggregationRule?.clusterRoleSelectors?.length > 0;
  if (!aggregates(next) && !aggregates(old)) return;
  // It gathers whatever there is, now and later.
  if (missingRules(rulesOf(writer), everything).length === 0) return;
  const why = 'must have cluster-admin privileges to use the aggregationRule';
  throw forbidden(resource, next.metadata.name ?? '', why);
}

function checkBinding({ resource, writer, next }: Check): void {
  const { authorizer, namespace } = writer;
  const { kind, name } = (next.roleRef ?? {}) as JsonObject;
  const plural = { ClusterRole: 'clusterroles', Role: 'roles' }[kind as string];
  // Of another kind validation says what is wrong.
  if (plural === undefined || !name) return;
  if (mayDo(writer, { verb: 'bind', group, resource: plural, namespace, name })) return;
  const rules = authorizer.rulesOfRole({ kind, name }, namespace);
  if (rules === undefined) throw notFound({ group, plural, kind }, name);
  confirm(resource, writer, { name: next.metadata.name, rules });
}

function rulesOf({ authorizer, user, namespace }: Writer): PolicyRule[] {
  return authorizer.rulesOf(user, namespace).rules;
}

function confirm(
  resource: Resource,
  writer: Writer,
  { name = '', rules }: { name: string | undefined; rules: PolicyRule[] },
): void {
  const { username, groups } = writer.user;
  const missing = missingRules(rulesOf(writer), rules);
  if (missing.length === 0) return;
  const { problems } = writer.authorizer.rulesOf(writer.user, writer.namespace);
  const unresolved = problems.length === 0 ? '' : `; resolution errors: [${problems.join(', ')}]`;
  const who = `user ${JSON.stringify(username)} (groups=${quoted(groups)})`;
  throw forbidden(
    resource,
    name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}${unresolved}`,
  );
}
