/**
 * Questions about who may do what (authorization.k8s.io) and who one is (authentication.k8s.io): posted, answered,
 * never stored. Whoever has a certificate of the lab's authority may do everything: RBAC is kept and not enforced.
 */
import type { ApiRequest, ApiResponse, UserInfo } from '../api-request.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { badRequest, methodNotAllowed } from '../status.ts';
import { timestamp } from './rest-context.ts';

interface Review {
  group: string;
  kind: string;
  plural: string;
  namespaced?: true;
  statusOf(user: UserInfo): JsonObject;
}

const allowed = () => ({ allowed: true, reason: 'the lab lets every known user do everything' });

const everything = () => ({
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
});

const authorization = 'authorization.k8s.io';

const reviews: readonly Review[] = [
  {
    group: authorization,
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    statusOf: allowed,
  },
  {
    group: authorization,
    kind: 'SelfSubjectRulesReview',
    plural: 'selfsubjectrulesreviews',
    statusOf: everything,
  },
  { group: authorization, kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', statusOf: allowed },
  {
    group: authorization,
    kind: 'LocalSubjectAccessReview',
    plural: 'localsubjectaccessreviews',
    namespaced: true,
    statusOf: allowed,
  },
  {
    group: 'authentication.k8s.io',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    statusOf: (user) => ({ userInfo: user }),
  },
];

/** The groups and kinds, for discovery. */
export function reviewResources(group: string): object[] {
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

const nobody: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Undefined for a path that is no review's. Throws ApiError. */
export function handleReview(request: ApiRequest, now: number): ApiResponse | undefined {
  const review = reviewAt(request.path);
  if (review === undefined) return undefined;
  if (request.method !== 'POST') throw methodNotAllowed(review, request.method.toLowerCase());
  const { body } = request;
  if (!isJsonObject(body) || (body.kind !== undefined && body.kind !== review.kind))
    throw badRequest(`a ${review.kind} is expected`);
  const metadata = { ...body.metadata, creationTimestamp: timestamp(now) };
  const status = review.statusOf(request.user?.() ?? nobody);
  const answer = { ...body, apiVersion: `${review.group}/v1`, kind: review.kind, metadata, status };
  return { status: 201, body: answer };
}
