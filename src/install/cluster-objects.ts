/** Tendril's own objects on a cluster: made, changed and removed whatever their kind. */
import { isAlreadyExists, isConflict, isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { KubeObject, NewObject } from '../kube/meta.ts';
import { apiVersionOf, type ResourceType, resources } from '../kube/resources.ts';
import { TendrilError } from '../util/errors.ts';

export type DeployObject = NewObject<KubeObject> & { apiVersion: string; kind: string };

const rbac = (kind: string, plural: string, namespaced: boolean): ResourceType => ({
  ...{ group: 'rbac.authorization.k8s.io', version: 'v1' },
  ...{ kind, plural, namespaced },
});
const admission = (kind: string, plural: string): ResourceType => ({
  ...{ group: 'admissionregistration.k8s.io', version: 'v1' },
  ...{ kind, plural, namespaced: false },
});

const { namespaces, serviceAccounts, configMaps, daemonSets, services, deployments } = resources;

const kinds: readonly ResourceType[] = [
  ...[namespaces, serviceAccounts, configMaps, daemonSets, services, deployments],
  rbac('ClusterRole', 'clusterroles', false),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  rbac('Role', 'roles', true),
  rbac('RoleBinding', 'rolebindings', true),
  admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies'),
  admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings'),
];

/** @throws TendrilError INTERNAL for a kind that is not listed here */
export function typeOf({ apiVersion, kind }: { apiVersion: string; kind: string }): ResourceType {
  const type = kinds.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
  if (type !== undefined) return type;
  throw new TendrilError('INTERNAL', `${apiVersion} ${kind} is no kind that is installed`);
}

export function titleOf({ kind, metadata }: Pick<DeployObject, 'kind' | 'metadata'>): string {
  const { namespace, name } = metadata;
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}

export type Outcome = 'created' | 'changed' | 'unchanged';

/**
 * Makes the object as it is given. What others added to its metadata, or as other fields at its top, stays.
 * @throws ApiError
 */
export async function ensureObject(client: KubeClient, object: DeployObject): Promise<Outcome> {
  const type = typeOf(object);
  const key = object.metadata as { namespace?: string; name: string };
  for (;;) {
    const present = await client.get(type, key).catch(absent);
    try {
      if (present === undefined) {
        await client.create(type, object);
        return 'created';
      }
      const { resourceVersion } = await client.update(type, merged(present, object)).then((o) => o.metadata);
      return resourceVersion === present.metadata.resourceVersion ? 'unchanged' : 'changed';
    } catch (error) {
      // The server's controllers write to it as well, such as a DaemonSet's status; so does another installation.
      if (!isConflict(error) && !isAlreadyExists(error)) throw error;
    }
  }
}

function merged(present: KubeObject, object: DeployObject): KubeObject {
  const { labels, annotations } = object.metadata;
  const metadata = {
    ...present.metadata,
    ...(labels && { labels: { ...present.metadata.labels, ...labels } }),
    ...(annotations && { annotations: { ...present.metadata.annotations, ...annotations } }),
  };
  return { ...present, ...object, metadata } as KubeObject;
}

/** True where it was there. Gone, with all that it owns, once its finalizers have run. @throws ApiError */
export async function removeObject(client: KubeClient, object: Omit<DeployObject, 'spec'>): Promise<boolean> {
  const type = typeOf(object);
  const key = object.metadata as { namespace?: string; name: string };
  const present = await client.get(type, key).catch(absent);
  if (present === undefined) return false;
  await client.delete(type, key, { propagationPolicy: 'Background' }).catch(absent);
  return true;
}

/** For an object that may not be there. */
export function absent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
