/** The cluster zone as the API's objects give it now, by the code that answers queries. */

import { ClusterIndex } from '../../dns/plugins/kubernetes/cluster-index.ts';
import { kubernetesDefaults } from '../../dns/plugins/kubernetes/options.ts';
import { ZoneLookup } from '../../dns/plugins/kubernetes/zone-lookup.ts';
import { dnsDaemonSet } from '../../install/status.ts';
import { isForbidden, isNotFound } from '../../kube/client/api-error.ts';
import { MemoryStore } from '../../kube/client/memory-store.ts';
import type { Transport } from '../../kube/client/transport.ts';
import type { KubeObject } from '../../kube/meta.ts';
import { type ResourceType, resourcePath, resources } from '../../kube/resources.ts';
import type { DaemonSet } from '../../kube/types.ts';
import type { Session } from '../session/session.ts';

/** The zone that the lab was made with, or that Tendril's servers on the cluster are told of; every cluster's, but for few. */
export async function chooseZone(session: Session): Promise<string> {
  if (session.kind === 'lab') return session.config.clusterDomain;
  const path = resourcePath(resources.daemonSets, dnsDaemonSet);
  try {
    const { spec } = (await session.api.send({ method: 'GET', path })) as DaemonSet;
    const args = spec?.template?.spec?.containers.flatMap(({ args = [] }) => args) ?? [];
    return args[args.indexOf('--zone') + 1 || args.length] ?? usualZone;
  } catch (error) {
    // Cluster DNS may be another's, and this may be none of our business.
    if (isNotFound(error) || isForbidden(error)) return usualZone;
    throw error;
  }
}

const usualZone = 'cluster.local';

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
