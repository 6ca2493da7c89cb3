/**
 * ConfigMaps and Secrets of one namespace: from the stores, else from the API, since a pod may be here before the watch
 * has told of the objects it names.
 */
import { isNotFound } from '../../kube/client/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Store } from '../../kube/client/store.ts';
import type { KubeObject } from '../../kube/meta.ts';
import { type ResourceType, resources } from '../../kube/resources.ts';
import type { ConfigSource } from './environment.ts';
import type { KubeletStores } from './node-context.ts';

export function configSource(
  namespace: string,
  from: { client: KubeClient; stores: KubeletStores },
): ConfigSource {
  const find = async <T extends KubeObject>(type: ResourceType<T>, store: Store<T>, name: string) => {
    const stored = store.get(`${namespace}/${name}`);
    if (stored !== undefined) return stored;
    try {
      return await from.client.get(type, { namespace, name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    configMap: (name) => find(resources.configMaps, from.stores.configMaps, name),
    secret: (name) => find(resources.secrets, from.stores.secrets, name),
  };
}
