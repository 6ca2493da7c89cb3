/** The variable `authorizer`: whether somebody may do something (apiserver, cel/library/authz.go). */
import type { UserInfo } from '../../api-request.ts';
import type { Attributes, ResourceAttributes } from '../../auth/attributes.ts';
import type { Authorizer, Decision } from '../../auth/rbac.ts';
import type { Library } from '../../customresources/cel/library/library.ts';

interface Asking {
  authorizer: Authorizer;
  user: UserInfo;
}

abstract class Check {
  readonly asking: Asking;

  constructor(asking: Asking) {
    this.asking = asking;
  }

  equals(other: unknown): boolean {
    return this === other;
  }

  decide(attributes: Attributes): DecisionValue {
    return new DecisionValue(this.asking.authorizer.authorize(this.asking.user, attributes));
  }
}

class DecisionValue {
  readonly decision: Decision;

  constructor(decision: Decision) {
    this.decision = decision;
  }

  equals(other: unknown): boolean {
    return this === other;
  }
}

class PathCheck extends Check {
  readonly path: string;

  constructor(asking: Asking, path: string) {
    super(asking);
    this.path = path;
  }
}

class GroupCheck extends Check {
  readonly group: string;

  constructor(asking: Asking, group: string) {
    super(asking);
    this.group = group;
  }
}

type Asked = Omit<ResourceAttributes, 'verb'>;

class ResourceCheck extends Check {
  readonly asked: Asked;

  constructor(asking: Asking, asked: Asked) {
    super(asking);
    this.asked = asked;
  }

  with(more: Partial<Asked>): ResourceCheck {
    return new ResourceCheck(this.asking, { ...this.asked, ...more });
  }
}

/** `requestResource` asks about what the request is for. */
class AuthorizerValue extends Check {
  readonly requestResource: ResourceCheck;

  constructor(asking: Asking, asked: Asked) {
    super(asking);
    this.requestResource = new ResourceCheck(asking, asked);
  }
}

const authorizerType = 'kubernetes.authorization.Authorizer';
const pathType = 'kubernetes.authorization.PathCheck';
const groupType = 'kubernetes.authorization.GroupCheck';
const resourceType = 'kubernetes.authorization.ResourceCheck';
const decisionType = 'kubernetes.authorization.Decision';

/** What has fields is declared apart: its constructor is not enough. */
export const authorizerVariable = {
  type: authorizerType,
  ctor: AuthorizerValue,
  fields: { requestResource: resourceType },
};

export function authorizerValue(asking: Asking, asked: Asked): object {
  return new AuthorizerValue(asking, asked);
}

function serviceAccount({ asking, requestResource }: AuthorizerValue, namespace: string, name: string) {
  const user: UserInfo = {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
  return new AuthorizerValue({ ...asking, user }, requestResource.asked);
}

const named = (value: string) => (value === '' ? undefined : value);

export const authorizerTypes: Library = {
  types: {
    [pathType]: PathCheck,
    [groupType]: GroupCheck,
    [resourceType]: ResourceCheck,
    [decisionType]: DecisionValue,
  },
};

/** Selectors are taken and not looked at: RBAC does not know them. */
export const authorizerFunctions: Library = {
  functions: {
    [`${authorizerType}.path(string): ${pathType}`]: ({ asking }: AuthorizerValue, path: string) =>
      new PathCheck(asking, path),
    [`${authorizerType}.group(string): ${groupType}`]: ({ asking }: AuthorizerValue, group: string) =>
      new GroupCheck(asking, group),
    [`${authorizerType}.serviceAccount(string, string): ${authorizerType}`]: serviceAccount,
    [`${groupType}.resource(string): ${resourceType}`]: ({ asking, group }: GroupCheck, resource: string) =>
      new ResourceCheck(asking, { group, resource }),
    [`${resourceType}.subresource(string): ${resourceType}`]: (check: ResourceCheck, subresource: string) =>
      check.with({ subresource: named(subresource) }),
    [`${resourceType}.namespace(string): ${resourceType}`]: (check: ResourceCheck, namespace: string) =>
      check.with({ namespace: named(namespace) }),
    [`${resourceType}.name(string): ${resourceType}`]: (check: ResourceCheck, name: string) =>
      check.with({ name: named(name) }),
    [`${resourceType}.fieldSelector(string): ${resourceType}`]: (check: ResourceCheck) => check,
    [`${resourceType}.labelSelector(string): ${resourceType}`]: (check: ResourceCheck) => check,
    [`${pathType}.check(string): ${decisionType}`]: (check: PathCheck, verb: string) =>
      check.decide({ verb, path: check.path }),
    [`${resourceType}.check(string): ${decisionType}`]: (check: ResourceCheck, verb: string) =>
      check.decide({ verb, ...check.asked }),
    [`${decisionType}.allowed(): bool`]: ({ decision }: DecisionValue) => decision.allowed,
    [`${decisionType}.reason(): string`]: ({ decision }: DecisionValue) => decision.reason,
    [`${decisionType}.errored(): bool`]: () => false,
    [`${decisionType}.error(): string`]: () => '',
  },
};
