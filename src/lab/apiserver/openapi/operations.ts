/** The few operations that clients look for in the OpenAPI documents: which parameters a kind's PATCH takes. */
import { apiVersionOf, type Resource } from '../registry/resource.ts';

export interface PatchOperation {
  path: string;
  resource: Resource;
  operationId: string;
  gvk: { group: string; kind: string; version: string };
}

/** Names of query parameters; clients use what they find here. */
export const patchParameters: Record<string, string> = {
  dryRun: 'When present, indicates that modifications should not be persisted. Valid values are: All',
  fieldManager: 'A name associated with the actor or entity that is making these changes.',
  fieldValidation: 'How to handle unknown fields: Ignore, Warn or Strict.',
};

/** One for each kind, at the path of an object. */
export function patchOperations(resources: readonly Resource[]): PatchOperation[] {
  return resources.map((resource) => {
    const { group, kind, version, plural, namespaced } = resource;
    const root = group === '' ? `/api/${version}` : `/apis/${apiVersionOf(resource)}`;
    const path = `${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/{name}`;
    const prefix = (group === '' ? 'core' : group.split('.')[0]!).replace(/^./, (c) => c.toUpperCase());
    const operationId = `patch${prefix}${version.toUpperCase()}${namespaced ? 'Namespaced' : ''}${kind}`;
    return { path, resource, operationId, gvk: { group, kind, version } };
  });
}
