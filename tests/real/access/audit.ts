/** kube-apiserver's audit log (audit.k8s.io/v1, one JSON object a line), as requests about objects. Pure. */
import type { ApiRequest } from './grants.ts';

interface AuditEvent {
  verb: string;
  user: { username: string };
  objectRef?: {
    apiGroup?: string;
    resource: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  responseStatus?: { code?: number };
  annotations?: Record<string, string>;
}

/** Only who they are about is recorded, and nothing of what they hold: the other users' requests would be many. */
export function auditPolicy(users: readonly string[]): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata', users }, { level: 'None' }],
  };
}

/** Without those for API groups and the like, which are about no object. The last line may be half written. */
export function parseAuditLog(text: string): ApiRequest[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter(Boolean).flatMap((line) => {
    const { objectRef, ...event } = JSON.parse(line) as AuditEvent;
    return objectRef === undefined ? [] : [requestOf(event, objectRef)];
  });
}

function requestOf(
  { verb, user, responseStatus, annotations }: Omit<AuditEvent, 'objectRef'>,
  { apiGroup = '', resource, subresource, namespace, name }: NonNullable<AuditEvent['objectRef']>,
): ApiRequest {
  return {
    user: user.username,
    verb,
    group: apiGroup,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    // Admission answers 403 too, though the request was authorized.
    isDenied: annotations?.['authorization.k8s.io/decision'] === 'forbid' || responseStatus?.code === 403,
  };
}
