/**
 * Requests in another's name (`kubectl --as`): who asks must be allowed to impersonate each part of whom they name
 * (apiserver, endpoints/filters/impersonation).
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ApiRequest, UserInfo } from '../api-request.ts';
import type { RestContext } from '../rest/rest-context.ts';
import { badRequest } from '../status.ts';
import type { ResourceAttributes } from './attributes.ts';
import { anonymous, isOpen, requireAttributes } from './permission.ts';

/** As headers say it. */
export interface Impersonation {
  username: string;
  uid: string;
  groups: string[];
  extra: Record<string, string[]>;
}

const extraPrefix = 'impersonate-extra-';
const authentication = 'authentication.k8s.io';
const authenticated = 'system:authenticated';
const unauthenticated = 'system:unauthenticated';

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function extraOf(headers: Record<string, string[] | undefined>): Record<string, string[]> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith(extraPrefix));
  return Object.fromEntries(
    own.map(([name, values]) => [unescaped(name.slice(extraPrefix.length)), values ?? []]),
  );
}

const asks = (headers: IncomingHttpHeaders) =>
  Object.keys(headers).some((name) => name.startsWith('impersonate-'));

/** Undefined where the request is in nobody else's name. */
export function readImpersonation({
  headers,
  headersDistinct,
}: Pick<IncomingMessage, 'headers' | 'headersDistinct'>): Impersonation | undefined {
  if (!asks(headers)) return undefined;
  const one = (name: string) => headersDistinct[name]?.[0] ?? '';
  const wish = {
    username: one('impersonate-user'),
    uid: one('impersonate-uid'),
    groups: headersDistinct['impersonate-group'] ?? [],
    extra: extraOf(headersDistinct),
  };
  const empty =
    wish.username === '' &&
    wish.uid === '' &&
    wish.groups.length === 0 &&
    Object.keys(wish.extra).length === 0;
  return empty ? undefined : wish;
}

function accountOf(username: string): { namespace: string; name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  return namespace && name ? { namespace, name } : undefined;
}

/** What the asker must be allowed to impersonate, one by one. */
function partsOf({ username, uid, groups, extra }: Impersonation): Omit<ResourceAttributes, 'verb'>[] {
  const account = accountOf(username);
  return [
    account
      ? { group: '', resource: 'serviceaccounts', ...account }
      : { group: '', resource: 'users', name: username },
    ...groups.map((name) => ({ group: '', resource: 'groups', name })),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((name) => ({ group: authentication, resource: 'userextras', subresource: key, name })),
    ),
    ...(uid === '' ? [] : [{ group: authentication, resource: 'uids', name: uid }]),
  ];
}

function groupsOf({ username, groups }: Impersonation): string[] {
  const account = accountOf(username);
  const own =
    groups.length === 0 && account
      ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
      : groups;
  const general = username === anonymous.username ? unauthenticated : authenticated;
  return own.includes(authenticated) || own.includes(unauthenticated) ? own : [...own, general];
}

function userOf(wish: Impersonation): UserInfo {
  const { username, uid, extra } = wish;
  return {
    username,
    ...(uid && { uid }),
    groups: groupsOf(wish),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The request in the name that it asks for. Throws ApiError: Forbidden, BadRequest where it names no user. */
export function impersonated(context: RestContext, request: ApiRequest): ApiRequest {
  const wish = request.impersonation;
  if (wish === undefined || isOpen(request)) return request;
  if (wish.username === '')
    throw badRequest('requested a group, uid or extra without impersonating a user name (Impersonate-User)');
  const asker = request.user?.() ?? anonymous;
  for (const part of partsOf(wish)) requireAttributes(context, asker, { verb: 'impersonate', ...part });
  const user = userOf(wish);
  return { ...request, user: () => user };
}
