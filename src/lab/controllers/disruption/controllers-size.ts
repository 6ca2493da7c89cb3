/** How many pods the controllers of some pods want: what a share of a PodDisruptionBudget is a share of. */
import { isNotFound } from '../../../kube/client/api-error.ts';
import type { KubeClient } from '../../../kube/client/client.ts';
import type { Informers } from '../../../kube/client/informers.ts';
import { controllerOf, type KubeObject, keyOf, type OwnerReference } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import type { Pod } from '../../../kube/types.ts';

interface Sized {
  uid: string;
  size: number;
}

export interface ControllersSize {
  /** Each controller once. Throws where a pod's controller is gone or has no scale. */
  sum(pods: readonly Pod[]): Promise<{ size: number; unmanaged: Pod[] }>;
}

type Scalable = KubeObject & { spec?: { replicas?: number } };

export function controllersSize(client: KubeClient, informers: Informers): ControllersSize {
  const replicaSets = informers.store(resources.replicaSets);
  const stores: Record<string, { get(key: string): Scalable | undefined }> = {
    ReplicaSet: replicaSets,
    StatefulSet: informers.store(resources.statefulSets),
    Deployment: informers.store(resources.deployments),
  };

  const stored = (owner: OwnerReference, namespace: string | undefined): Sized | undefined => {
    const [group] = owner.apiVersion.split('/');
    if (group !== 'apps') return undefined;
    const object = stores[owner.kind]?.get(keyOf({ metadata: { namespace, name: owner.name } }));
    if (object?.metadata.uid !== owner.uid) return undefined;
    const above = owner.kind === 'ReplicaSet' ? controllerOf(object) : undefined;
    // A Deployment's ReplicaSets share its size while it rolls.
    if (above?.kind === 'Deployment') return stored(above, namespace);
    return { uid: owner.uid, size: object.spec?.replicas ?? 1 };
  };

  return {
    async sum(pods) {
      const sizes = new Map<string, number>();
      const seen = new Set<string>();
      const unmanaged: Pod[] = [];
      for (const pod of pods) {
        const owner = controllerOf(pod);
        if (owner === undefined) unmanaged.push(pod);
        if (owner === undefined || seen.has(owner.uid)) continue;
        seen.add(owner.uid);
        const { namespace, name } = pod.metadata;
        const found = stored(owner, namespace) ?? (await scaleOf(client, owner, namespace));
        if (found === undefined) throw new Error(`found no controllers for pod "${name}"`);
        sizes.set(found.uid, found.size);
      }
      return { size: [...sizes.values()].reduce((a, b) => a + b, 0), unmanaged };
    },
  };
}

interface ResourceList {
  resources: { name: string; kind: string }[];
}

/** By its scale subresource, which kinds that are defined while the cluster runs may have too. */
async function scaleOf(
  client: KubeClient,
  { apiVersion, kind, name, uid }: OwnerReference,
  namespace: string | undefined,
): Promise<Sized | undefined> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  const { resources: known } = (await client.request('GET', root)) as ResourceList;
  const plural = known.find((resource) => resource.kind === kind && !resource.name.includes('/'))?.name;
  if (plural === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
  if (!known.some((resource) => resource.name === `${plural}/scale`))
    throw new Error(`${plural}${group} does not implement the scale subresource`);
  try {
    const path = `${root}/namespaces/${namespace}/${plural}/${name}/scale`;
    const scale = (await client.request('GET', path)) as Scalable;
    return scale.metadata.uid === uid ? { uid, size: scale.spec?.replicas ?? 0 } : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
