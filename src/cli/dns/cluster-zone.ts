/** The cluster zone as the API's objects give it now, by the code that answers queries. */

import { ClusterIndex } from '../../dns/plugins/kubernetes/cluster-index.ts';
import { kubernetesDefaults } from '../../dns/plugins/kubernetes/options.ts';
import { ZoneLookup } from '../../dns/plugins/kubernetes/zone-lookup.ts';
import { MemoryStore } from '../../kube/client/memory-store.ts';
import type { Transport } from '../../kube/client/transport.ts';
import type { KubeObject } from '../../kube/meta.ts';
import { type ResourceType, resourcePath, resources } from '../../kube/resources.ts';

export async function readClusterZone(api: Transport, zone: string): Promise<ZoneLookup> {
  const [namespaces, services, slices] = await Promise.all([
    readAll(api, resources.namespaces),
    readAll(api, resources.services),
    readAll(api, resources.endpointSlices),
  ]);
  const stores = { namespaces, services, slices };
  const index = new ClusterIndex({ stores, endpointPodNames: false, now: Date.now });
  return new ZoneLookup(index, {
    ...kubernetesDefaults,
    zones: [zone],
    pods: 'insecure',
    serverIps: () => [],
  });
}

async function readAll<T extends KubeObject>(api: Transport, type: ResourceType<T>): Promise<MemoryStore<T>> {
  const { items } = (await api.send({ method: 'GET', path: resourcePath(type) })) as { items: T[] };
  const store = new MemoryStore<T>();
  store.replace(items);
  return store;
}
