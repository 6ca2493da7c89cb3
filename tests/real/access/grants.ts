/** What RBAC objects let service accounts do, one permission each, and how requests use it. Pure. */

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

interface RbacObject {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: Rule[];
  roleRef?: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/** Smallest unit of a Role or ClusterRole: one verb on one resource. */
export interface Grant {
  /** `system:serviceaccount:NAMESPACE:NAME` */
  user: string;
  verb: string;
  /** Empty: the core group. */
  group: string;
  /** With its subresource: `nodes/status`. */
  resource: string;
  /** Absent: in all of them, and what is in none. */
  namespace?: string;
  /** Absent: whatever it is called. */
  name?: string;
}

/** A request about objects, as the API server saw it. */
export interface ApiRequest extends Grant {
  /** By authorization or by admission. */
  isDenied: boolean;
}

/** Of the bindings among the objects whose role is among them too. */
export function grantsOf(objects: readonly object[]): Grant[] {
  const all = objects as readonly RbacObject[];
  return all.flatMap(({ roleRef, subjects = [], metadata: { namespace } }) => {
    if (roleRef === undefined) return [];
    const role = all.find(
      ({ kind, metadata }) =>
        kind === roleRef.kind && metadata.name === roleRef.name && metadata.namespace === namespace,
    );
    const users = subjects.map((subject) => `system:serviceaccount:${subject.namespace}:${subject.name}`);
    return users.flatMap((user) =>
      (role?.rules ?? []).flatMap(permissions).map((permission) => ({
        user,
        ...permission,
        ...(namespace !== undefined && { namespace }),
      })),
    );
  });
}

function permissions({ apiGroups, resources, verbs, resourceNames }: Rule) {
  const names = resourceNames?.map((name) => ({ name })) ?? [{}];
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => names.map((name) => ({ verb, group, resource, ...name }))),
    ),
  );
}

/** `get core/nodes` and the like, with the account's short name before it. */
export function describeGrant({ user, verb, group, resource, namespace, name }: Grant): string {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  const which = name === undefined ? '' : ` ${name}`;
  return `${user.slice(user.lastIndexOf(':') + 1)}: ${verb} ${group === '' ? '' : `${group}/`}${resource}${which}${where}`;
}

/** Whether RBAC lets the request through by this grant alone. */
export function covers(grant: Grant, request: Grant): boolean {
  const { user, verb, group, resource, namespace, name } = grant;
  return (
    user === request.user &&
    verb === request.verb &&
    group === request.group &&
    resource === request.resource &&
    (namespace === undefined || namespace === request.namespace) &&
    (name === undefined || name === request.name)
  );
}

export interface AccessReport {
  /** Granted, and used by no request. */
  unused: string[];
  /** Always refused by the API server, which after its start refuses for a moment what it has not read yet. */
  denied: string[];
  /** Let through, by something that the objects do not grant. */
  beyond: string[];
}

/** Each thing once, sorted. */
export function compareAccess(grants: readonly Grant[], requests: readonly ApiRequest[]): AccessReport {
  const described = (list: readonly Grant[]) => [...new Set(list.map(describeGrant))].sort();
  const allowed = requests.filter(({ isDenied }) => !isDenied);
  const allowedOnce = new Set(allowed.map(describeGrant));
  return {
    unused: described(grants.filter((grant) => !allowed.some((request) => covers(grant, request)))),
    denied: described(requests.filter((each) => each.isDenied && !allowedOnce.has(describeGrant(each)))),
    beyond: described(allowed.filter((request) => !grants.some((grant) => covers(grant, request)))),
  };
}
