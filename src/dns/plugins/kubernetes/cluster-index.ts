/**
 * The cluster as DNS reads it, over the stores: Services with their endpoints by name, both by address, namespaces and
 * pods. Events only drop what was made of the objects concerned; it is made anew by who reads it next, so that a change
 * is seen by the first query behind its event, and what nobody asks for costs nothing but its stored object.
 */
import type { Store } from '../../../kube/client/store.ts';
import { type KubeObject, keyOf } from '../../../kube/meta.ts';
import type { EndpointSlice, Namespace, Pod, Service } from '../../../kube/types.ts';
import { canonicalIp } from '../../../net/ip.ts';
import {
  type ClusterService,
  clusterService,
  type EndpointSet,
  endpointSet,
  importedService,
} from './cluster-service.ts';
import { importLabels, type ServiceImport } from './service-import.ts';
import { endpointsDiffer, importDiffers, podDiffers, serviceDiffers, ZoneSerials } from './zone-serials.ts';

export interface ClusterStores {
  namespaces: Store<Namespace>;
  services: Store<Service>;
  /** Absent with `noendpoints`. */
  slices?: Store<EndpointSlice>;
  /** With `pods verified`. */
  pods?: Store<Pod>;
  /** With `multicluster`. */
  imports?: Store<ServiceImport>;
  importSlices?: Store<EndpointSlice>;
}

/** Services of one kind, local or imported, by `namespace/name`. */
export interface ServiceSource {
  service(key: string): ClusterService | undefined;
  endpoints(key: string): readonly EndpointSet[];
}

interface KeptSource extends ServiceSource {
  /** The objects have changed. */
  drop(key: string): void;
}

/** What has changed; a namespace: it has appeared or vanished, with all that is in it. */
export type ClusterChange = { service: string; imported: boolean } | { namespace: string };

export interface ClusterIndexOptions {
  stores: ClusterStores;
  endpointPodNames: boolean;
  /** Services and slices are also found by address, for reverse names; unless false. */
  reverse?: boolean;
  /** ms since the epoch. */
  now: () => number;
}

const byService = 'dns/service';
const byAddress = 'dns/address';
const byExternalAddress = 'dns/externalAddress';

/** Made once for many queries; more than these are not worth their memory. */
const keptEntries = 512;

export class ClusterIndex {
  readonly #stores: ClusterStores;
  readonly #podNames: boolean;
  readonly #handlers = new Set<(change: ClusterChange) => void>();
  readonly #unsubscribe: (() => void)[] = [];
  readonly serials: ZoneSerials;
  readonly local: KeptSource;
  readonly imported: KeptSource;

  constructor({ stores, endpointPodNames, reverse = true, now }: ClusterIndexOptions) {
    this.#stores = stores;
    this.#podNames = endpointPodNames;
    this.serials = new ZoneSerials(now);
    // What is read already, by the same plugin of an older configuration, has changed at some time.
    if (stores.services.hasSynced) this.serials.touch({ internal: true, external: true, multicluster: true });
    stores.slices?.addIndex(byService, (slice) => sliceKey(slice, 'kubernetes.io/service-name'));
    stores.importSlices?.addIndex(byService, (slice) => sliceKey(slice, importLabels.service));
    if (reverse) this.#addReverse();
    stores.pods?.addIndex(byAddress, podAddresses);
    this.local = this.#source(stores.services, stores.slices, clusterService);
    this.imported = this.#source(stores.imports, stores.importSlices, importedService);
    this.#follow();
  }

  #addReverse(): void {
    const { services, slices } = this.#stores;
    slices?.addIndex(byAddress, addressesOf);
    services.addIndex(byAddress, (service) => canonicalIps(service.spec?.clusterIPs ?? []));
    services.addIndex(byExternalAddress, (service) => canonicalIps(clusterService(service).externalIps));
  }

  get synced(): boolean {
    return Object.values(this.#stores).every(
      (store: Store<KubeObject> | undefined) => store?.hasSynced ?? true,
    );
  }

  hasNamespace(name: string): boolean {
    return this.#stores.namespaces.get(name) !== undefined;
  }

  namespaces(): string[] {
    return this.#stores.namespaces.list().map(({ metadata }) => metadata.name);
  }

  /** `namespace/name` of all Services. */
  serviceKeys(): string[] {
    return this.#stores.services.list().map(keyOf);
  }

  /** The same of ServiceImports. */
  importKeys(): string[] {
    return (this.#stores.imports?.list() ?? []).map(keyOf);
  }

  /** Services with this ClusterIP, in canonical text. */
  servicesAt(ip: string): ClusterService[] {
    return this.#stores.services.byIndex(byAddress, ip).map(clusterService);
  }

  servicesAtExternal(ip: string): ClusterService[] {
    return this.#stores.services.byIndex(byExternalAddress, ip).map(clusterService);
  }

  /** Slices with a ready endpoint of this address, and the key of the Service that each is of. */
  slicesAt(ip: string): { key: string; set: EndpointSet }[] {
    return (this.#stores.slices?.byIndex(byAddress, ip) ?? []).flatMap((slice) =>
      sliceKey(slice, 'kubernetes.io/service-name').map((key) => ({
        key,
        set: endpointSet(slice, this.#podNames),
      })),
    );
  }

  /** Pods with this address that are not on their way out; none unless pods are read. */
  podsAt(ip: string): readonly Pod[] {
    return this.#stores.pods?.byIndex(byAddress, ip) ?? [];
  }

  /** Handlers run right after the change, before any later query; the result unsubscribes. */
  onChange(handler: (change: ClusterChange) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  #source<T extends KubeObject>(
    services: Store<T> | undefined,
    slices: Store<EndpointSlice> | undefined,
    read: (object: T) => ClusterService,
  ): KeptSource {
    const entries = new Map<string, { service?: ClusterService; sets?: readonly EndpointSet[] }>();
    const entryOf = (key: string) => {
      let entry = entries.get(key);
      if (entry === undefined) {
        if (entries.size >= keptEntries) entries.clear();
        entry = {};
        entries.set(key, entry);
      }
      return entry;
    };
    return {
      service: (key) => {
        const object = services?.get(key);
        if (object === undefined) return undefined;
        const entry = entryOf(key);
        entry.service ??= read(object);
        return entry.service;
      },
      endpoints: (key) => {
        const found = slices?.byIndex(byService, key) ?? [];
        if (found.length === 0) return [];
        const entry = entryOf(key);
        entry.sets ??= found.map((slice) => endpointSet(slice, this.#podNames));
        return entry.sets;
      },
      drop: (key) => void entries.delete(key),
    };
  }

  #follow(): void {
    const { namespaces, services, slices, pods, imports, importSlices } = this.#stores;
    const { serials } = this;
    this.#on(namespaces, ({ old, new: now }) => {
      if ((old === undefined) === (now === undefined)) return;
      // No zone's serial number is another by it, as in CoreDNS; their records are.
      serials.touch({});
      this.#tell({ namespace: (now ?? old)!.metadata.name });
    });
    this.#on(services, (change) => {
      serials.touch(serviceDiffers(change));
      this.#dirty(keyOf((change.new ?? change.old)!), false);
    });
    this.#on(slices, (change) => {
      if (!endpointsDiffer(change)) return;
      serials.touch({ internal: true });
      for (const key of keysOf(change, 'kubernetes.io/service-name')) this.#dirty(key, false);
    });
    this.#on(pods, (change) => {
      if (podDiffers(change)) serials.touch({ internal: true });
    });
    this.#on(imports, (change) => {
      serials.touch({ multicluster: importDiffers(change) });
      this.#dirty(keyOf((change.new ?? change.old)!), true);
    });
    this.#on(importSlices, (change) => {
      if (!endpointsDiffer(change)) return;
      serials.touch({ multicluster: true });
      for (const key of keysOf(change, importLabels.service)) this.#dirty(key, true);
    });
  }

  #on<T extends KubeObject>(
    store: Store<T> | undefined,
    handler: (change: { old: T | undefined; new: T | undefined }) => void,
  ): void {
    if (store !== undefined) this.#unsubscribe.push(store.onChange(handler));
  }

  #dirty(key: string, imported: boolean): void {
    (imported ? this.imported : this.local).drop(key);
    this.#tell({ service: key, imported });
  }

  #tell(change: ClusterChange): void {
    for (const handler of this.#handlers) handler(change);
  }
}

/** Keys of the Services that a slice belonged and belongs to. */
function keysOf(change: { old?: EndpointSlice; new?: EndpointSlice }, label: string): Set<string> {
  return new Set(
    [change.old, change.new].flatMap((slice) => (slice === undefined ? [] : sliceKey(slice, label))),
  );
}

/** `namespace/name` of the Service that a slice is of. */
export function serviceOfSlice(slice: EndpointSlice): string | undefined {
  return sliceKey(slice, 'kubernetes.io/service-name')[0];
}

function sliceKey({ metadata }: EndpointSlice, label: string): string[] {
  const service = metadata.labels?.[label];
  return service ? [`${metadata.namespace}/${service}`] : [];
}

/** As answers to reverse names compare them. */
function canonicalIps(texts: readonly string[]): string[] {
  return texts.flatMap((text) => canonicalIp(text) ?? []);
}

function addressesOf(slice: EndpointSlice): string[] {
  return canonicalIps(endpointSet(slice, false).endpoints.map(({ address }) => address));
}

function podAddresses({ metadata, status }: Pod): string[] {
  if (metadata.deletionTimestamp !== undefined) return [];
  const ips = status?.podIPs?.map(({ ip }) => ip ?? '') ?? [];
  return [...new Set(canonicalIps([status?.podIP ?? '', ...ips]))];
}
