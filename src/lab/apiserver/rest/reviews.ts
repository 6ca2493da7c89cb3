/**
 * Questions about who may do what (authorization.k8s.io) and who one is (authentication.k8s.io): posted, answered,
 * never stored.
 */
import type { ApiRequest, ApiResponse, UserInfo } from '../api-request.ts';
import type { Attributes } from '../auth/attributes.ts';
import { anonymous } from '../auth/permission.ts';
import type { ApiResource } from '../discovery/api-resource.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { badRequest, invalid, methodNotAllowed } from '../status.ts';
import { invalidValue } from '../validation/field-error.ts';
import { type RestContext, timestamp } from './rest-context.ts';

const authorization = 'authorization.k8s.io';
const authentication = 'authentication.k8s.io';

interface Question {
  context: RestContext;
  user: UserInfo;
  spec: JsonObject;
  /** Of a local review. */
  namespace?: string | undefined;
}

interface Review {
  group: string;
  kind: string;
  plural: string;
  namespaced?: true;
  statusOf(question: Question): JsonObject;
}

const refuse = (field: string, value: unknown, why: string) =>
  invalid({ group: authorization, plural: '', kind: '' }, '', [invalidValue(field, value, why)]);

/** Throws Invalid where it is not said what for. */
function attributesOf({ resourceAttributes, nonResourceAttributes }: JsonObject): Attributes {
  if (isJsonObject(resourceAttributes) && isJsonObject(nonResourceAttributes)) {
    const why = 'cannot be specified in combination with resourceAttributes';
    throw refuse('spec.nonResourceAttributes', nonResourceAttributes, why);
  }
  if (isJsonObject(resourceAttributes)) {
    const { verb = '', group = '', resource = '', subresource, namespace, name } = resourceAttributes;
    return {
      ...{ verb, group, resource },
      ...(subresource && { subresource }),
      ...(namespace && { namespace }),
      ...(name && { name }),
    };
  }
  if (isJsonObject(nonResourceAttributes)) {
    const { verb = '', path = '' } = nonResourceAttributes;
    return { verb, path };
  }
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  throw refuse('spec.resourceAttributes', resourceAttributes, why);
}

function access({ context, user, spec }: Question): JsonObject {
  const { allowed, reason } = context.authorizer.authorize(user, attributesOf(spec));
  return { allowed, ...(reason && { reason }) };
}

/** For somebody else. */
function accessOf(question: Question): JsonObject {
  const { user: username = '', groups = [], uid, extra } = question.spec;
  if (username === '' && groups.length === 0)
    throw refuse('spec.user', '', 'at least one of user or group must be specified');
  const asked = question.spec.resourceAttributes?.namespace ?? '';
  const { namespace = asked } = question;
  if (asked !== namespace)
    throw refuse('spec.resourceAttributes.namespace', asked, `must match the namespace ${namespace}`);
  return access({ ...question, user: { username, groups, uid, extra } });
}

function rules({ context, user, spec }: Question): JsonObject {
  const { rules, problems } = context.authorizer.rulesOf(user, spec.namespace ?? '');
  return {
    resourceRules: rules.filter((rule) => rule.resources !== undefined),
    nonResourceRules: rules.filter((rule) => rule.nonResourceURLs !== undefined),
    incomplete: false,
    ...(problems.length > 0 && { evaluationError: problems.join(', ') }),
  };
}

function tokenReview({ context, spec }: Question): JsonObject {
  if (!spec.token) throw badRequest('token is required for TokenReview in authentication');
  const audiences = spec.audiences?.length > 0 ? spec.audiences : undefined;
  const verified = context.tokens.verify(spec.token ?? '', audiences);
  if (verified === undefined)
    return { authenticated: false, user: {}, error: 'the token is not valid, or not any more' };
  return { authenticated: true, user: verified.user, audiences: verified.audiences };
}

const reviews: readonly Review[] = [
  {
    group: authorization,
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    statusOf: access,
  },
  {
    group: authorization,
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    statusOf: rules,
  },
  { group: authorization, kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', statusOf: accessOf },
  {
    group: authorization,
    kind: 'LocalSubjectAccessReview',
    plural: 'localsubjectaccessreviews',
    namespaced: true,
    statusOf: accessOf,
  },
  {
    group: authentication,
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    statusOf: ({ user }) => ({ userInfo: user }),
  },
  { group: authentication, kind: 'TokenReview', plural: 'tokenreviews', statusOf: tokenReview },
];

/** The groups and kinds, for discovery. */
export function reviewResources(group: string): ApiResource[] {
  return reviews
    .filter((review) => review.group === group)
    .map(({ plural, kind, namespaced = false }) => ({
      name: plural,
      singularName: kind.toLowerCase(),
      namespaced,
      kind,
      verbs: ['create'],
    }));
}

export const reviewGroups: readonly { group: string; version: string }[] = [
  ...new Set(reviews.map((review) => review.group)),
].map((group) => ({ group, version: 'v1' }));

function reviewAt(path: string): Review | undefined {
  return reviews.find(({ group, plural, namespaced }) => {
    const root = `/apis/${group}/v1/`;
    if (!path.startsWith(root)) return false;
    const rest = path.slice(root.length).split('/');
    return namespaced
      ? rest.length === 3 && rest[0] === 'namespaces' && rest[2] === plural
      : rest.length === 1 && rest[0] === plural;
  });
}

/** Undefined for a path that is no review's. Throws ApiError. */
export function handleReview(context: RestContext, request: ApiRequest): ApiResponse | undefined {
  const review = reviewAt(request.path);
  if (review === undefined) return undefined;
  if (request.method !== 'POST') throw methodNotAllowed();
  const { body } = request;
  if (!isJsonObject(body) || (body.kind !== undefined && body.kind !== review.kind))
    throw badRequest(`a ${review.kind} is expected`);
  const metadata = { ...body.metadata, creationTimestamp: timestamp(context.clock.now()) };
  const spec = isJsonObject(body.spec) ? body.spec : {};
  const status = review.statusOf({
    context,
    user: request.user?.() ?? anonymous,
    spec,
    namespace: review.namespaced && decodeURIComponent(request.path.split('/')[5]!),
  });
  const answer = { ...body, apiVersion: `${review.group}/v1`, kind: review.kind, metadata, status };
  return { status: 201, body: answer };
}
