/** `kubernetes [ZONES...] { … }`: names of the cluster, from the API's objects. */
import { networkInterfaces } from 'node:os';
import type { Informers } from '../../../kube/client/informers.ts';
import { resources } from '../../../kube/resources.ts';
import { type Ip, isLinkLocal, tryParseIp } from '../../../net/ip.ts';
import type { PluginContext, PluginInstance, PluginSetup, Query } from '../../plugin.ts';
import { readSearchPath } from '../autopath/resolv-conf.ts';
import { ClusterIndex, type ClusterStores } from './cluster-index.ts';
import { kubernetesPlugin } from './kubernetes.ts';
import { collectMetadata, podSearchPath } from './metadata.ts';
import { type KubernetesOptions, kubernetesOptions } from './options.ts';
import { ownInformers } from './own-api.ts';
import { measureProgramming } from './programming-latency.ts';
import { importLabels, serviceImports } from './service-import.ts';
import { ZoneLookup } from './zone-lookup.ts';

/** What other plugins (autopath, k8s_external) use of this one. */
export interface KubernetesInstance extends PluginInstance {
  readonly lookup: ZoneLookup;
  /** Where autopath looks for the client's names; undefined for what is no known pod. */
  searchPath(query: Query): string[] | undefined;
}

export const setup: PluginSetup = (directives, context): KubernetesInstance => {
  const options = kubernetesOptions(directives, context);
  const own = options.api?.kubeconfig || options.api?.server ? ownInformers(options.api, context) : undefined;
  const stores = openStores(own ?? context.informers(), options);
  const index = new ClusterIndex({
    stores,
    endpointPodNames: options.endpointPodNames,
    now: () => context.clock.now(),
  });
  const measuring = measureProgramming(stores, index, context);
  let serverIps: readonly Ip[] = [];
  const lookup = new ZoneLookup(index, { ...options, serverIps: () => serverIps });
  const handler = kubernetesPlugin({ lookup, resolve: context.resolve });
  const hostSearch = readSearchPath('/etc/resolv.conf') ?? [];
  return {
    lookup,
    handler,
    transfer: handler.transfer,
    ready: () => index.synced,
    collect: (query) => collectMetadata(lookup, query),
    searchPath: (query) => podSearchPath(lookup, query, hostSearch),
    start: async () => {
      serverIps = boundIps(context);
      own?.start();
      await firstLists(stores, options, context);
    },
    close: async () => {
      measuring.stop();
      lookup.close();
      index.close();
      await own?.stop();
    },
  };
};

export function openStores(informers: Informers, options: KubernetesOptions): ClusterStores {
  const { labels, namespaceLabels, multiclusterZones } = options;
  const labelled = labels === undefined ? {} : { labelSelector: labels };
  const inNamespaces = namespaceLabels === undefined ? {} : { labelSelector: namespaceLabels };
  const importSelector = [...(labels === undefined ? [] : [labels]), importLabels.service].join(',');
  return {
    namespaces: informers.store(resources.namespaces, inNamespaces),
    services: informers.store(resources.services, labelled),
    ...(options.endpoints && { slices: informers.store(resources.endpointSlices, labelled) }),
    ...(options.pods === 'verified' && {
      pods: informers.store(resources.pods, { ...labelled, fieldSelector: runningPods }),
    }),
    ...(multiclusterZones.length > 0 && {
      imports: informers.store(serviceImports, inNamespaces),
      importSlices: informers.store(resources.endpointSlices, { labelSelector: importSelector }),
    }),
  };
}

const runningPods = ['Succeeded', 'Failed', 'Unknown'].map((phase) => `status.phase!=${phase}`).join(',');

/** What the server listens on: `bind`'s addresses, or else the machine's. */
function boundIps({ sibling }: PluginContext): Ip[] {
  const bound = sibling('bind')?.settings?.addresses;
  const texts =
    bound ??
    Object.values(networkInterfaces()).flatMap((list = []) =>
      list.filter((one) => !one.internal).map(({ address }) => address),
    );
  return texts.flatMap((text) => tryParseIp(text) ?? []).filter((ip) => !isLinkLocal(ip));
}

/** Waits for the first full lists, so that the server's first answers are not failures; not for ever. */
async function firstLists(
  stores: ClusterStores,
  { startupTimeoutMs }: KubernetesOptions,
  { clock, logger }: PluginContext,
): Promise<void> {
  const all = Object.values(stores) as { synced(): Promise<void> }[];
  const timeout = new AbortController();
  const late = clock.sleep(startupTimeoutMs, timeout.signal).then(
    () => true,
    () => false,
  );
  const inTime = Promise.all(all.map((store) => store.synced())).then(() => false);
  if (await Promise.race([inTime, late]))
    logger.warn('serving before all of the cluster has been read: names not read yet get SERVFAIL', {
      waitedMs: startupTimeoutMs,
    });
  timeout.abort();
}
