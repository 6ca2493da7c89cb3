/** The request as webhooks and expressions are told of it: admission.k8s.io's AdmissionRequest. */
import type { UserInfo } from '../api-request.ts';
import type { JsonObject } from '../json.ts';
import type { Resource } from '../registry/resource.ts';
import { type AdmissionRequest, type GroupVersionKind, kindOf } from './attributes.ts';

const resourceOf = ({ group, version, plural }: Resource) => ({ group, version, resource: plural });

/** Without what is empty, as Go's omitempty leaves it out. */
function userInfo({ username, uid, groups, extra }: UserInfo): JsonObject {
  return { username, ...(uid && { uid }), ...(groups.length > 0 && { groups }), ...(extra && { extra }) };
}

/** Seen under a resource, which may be an equivalent of the one that was asked for. */
export function reviewRequest(request: AdmissionRequest, resource: Resource): JsonObject {
  const { subresource, name, namespace, operation, user, dryRun, options } = request;
  const { group, version } = resource;
  const kind: GroupVersionKind = request.kind ?? { group, version, kind: resource.kind };
  return {
    kind,
    resource: resourceOf(resource),
    ...(subresource && { subResource: subresource }),
    requestKind: kindOf(request),
    requestResource: resourceOf(request.resource),
    ...(subresource && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: userInfo(user),
    dryRun,
    options,
  };
}
