/** Lets a request pass, or refuses it in the words of kube-apiserver (endpoints/handlers/responsewriters/errors.go). */
import type { ApiRequest, UserInfo } from '../api-request.ts';
import type { RestContext } from '../rest/rest-context.ts';
import { notPermitted } from '../status.ts';
import { type Attributes, attributesOf, isResource } from './attributes.ts';

export const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Asked by probes before anybody can have a name. */
const open = new Set(['/healthz', '/livez', '/readyz', '/version', '/version/']);

/** Whether anybody may ask for it. */
export const isOpen = ({ path }: ApiRequest): boolean => open.has(path);

/** Throws Forbidden. */
export function requirePermission({ authorizer }: RestContext, request: ApiRequest): void {
  if (isOpen(request)) return;
  requireAttributes({ authorizer }, request.user?.() ?? anonymous, attributesOf(request));
}

/** Throws Forbidden. */
export function requireAttributes(
  { authorizer }: Pick<RestContext, 'authorizer'>,
  user: UserInfo,
  attributes: Attributes,
): void {
  const { allowed, reason } = authorizer.authorize(user, attributes);
  if (!allowed) throw refusal(user, attributes, reason);
}

function refusal({ username }: UserInfo, attributes: Attributes, reason: string): Error {
  const because = reason === '' ? '' : `: ${reason}`;
  const who = `User ${JSON.stringify(username)} cannot ${attributes.verb}`;
  if (!isResource(attributes))
    return notPermitted(undefined, `${who} path ${JSON.stringify(attributes.path)}${because}`);
  const { group, resource, subresource, namespace, name = '' } = attributes;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where =
    namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return notPermitted(
    { group, plural: resource, name },
    `${who} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}${because}`,
  );
}
