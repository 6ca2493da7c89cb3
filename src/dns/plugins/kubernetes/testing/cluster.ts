/** Clusters for tests of what DNS says about them: stores that are filled by a few words an object. */
import { MemoryStore } from '../../../../kube/client/memory-store.ts';
import type { KubeObject } from '../../../../kube/meta.ts';
import type { EndpointSlice, Namespace, Pod, Service } from '../../../../kube/types.ts';
import { type Ip, tryParseIp } from '../../../../net/ip.ts';
import type { PluginContext } from '../../../plugin.ts';
import { ClusterIndex } from '../cluster-index.ts';
import { kubernetesPlugin } from '../kubernetes.ts';
import { type KubernetesOptions, kubernetesDefaults } from '../options.ts';
import type { ServiceImport } from '../service-import.ts';
import { ZoneLookup } from '../zone-lookup.ts';

export function emptyStores() {
  return {
    namespaces: new MemoryStore<Namespace>(),
    services: new MemoryStore<Service>(),
    slices: new MemoryStore<EndpointSlice>(),
    pods: new MemoryStore<Pod>(),
    imports: new MemoryStore<ServiceImport>(),
    importSlices: new MemoryStore<EndpointSlice>(),
  };
}

export type TestStores = ReturnType<typeof emptyStores>;

let version = 0;

/** `namespace/name`, or `name`. */
function meta(key: string, labels?: Record<string, string>): KubeObject {
  const [name, namespace] = key.split('/').reverse() as [string, string | undefined];
  const resourceVersion = String(++version);
  return { metadata: { name, namespace, labels, uid: key, resourceVersion, creationTimestamp: '' } };
}

export const namespace = (name: string) => meta(name) as Namespace;

export const service = (key: string, spec: Service['spec'], status?: Service['status']) =>
  ({ ...meta(key), spec, ...(status && { status }) }) as Service;

export const headless = (key: string, spec: Service['spec'] = {}) =>
  service(key, { clusterIP: 'None', clusterIPs: ['None'], ...spec });

export const externalName = (key: string, target: string) =>
  service(key, { type: 'ExternalName', externalName: target, ports: [http] });

export const http = { name: 'http', protocol: 'TCP' as const, port: 80 };

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

export interface SliceFields {
  endpoints: (string | SliceEndpoint)[];
  ports?: EndpointSlice['ports'];
  labels?: Record<string, string>;
}

/** Of a Service `namespace/name`; an endpoint may be its address alone. */
export function slice(
  key: string,
  { endpoints, ports = [http], labels }: SliceFields,
  suffix = 'a',
): EndpointSlice {
  const name = key.split('/')[1]!;
  return {
    ...meta(`${key}-${suffix}`, labels ?? { 'kubernetes.io/service-name': name }),
    addressType: 'IPv4',
    ports,
    endpoints: endpoints.map((one) => (typeof one === 'string' ? { addresses: [one] } : one)),
  } as EndpointSlice;
}

export const importedSlice = (key: string, fields: SliceFields) =>
  slice(key, {
    ...fields,
    labels: {
      'multicluster.kubernetes.io/service-name': key.split('/')[1]!,
      'multicluster.kubernetes.io/source-cluster': 'cluster1',
    },
  });

export const serviceImport = (key: string, spec: ServiceImport['spec']) =>
  ({ ...meta(key), spec }) as ServiceImport;

export const pod = (key: string, ip: string, labels?: Record<string, string>) =>
  ({ ...meta(key, labels), status: { podIP: ip } }) as Pod;

export type Cluster = {
  [K in keyof TestStores]?: (TestStores[K] extends MemoryStore<infer T> ? T : never)[];
};

/** Stores with these objects in them, all read. */
export function storesOf(cluster: Cluster): TestStores {
  const stores = emptyStores();
  for (const [name, store] of Object.entries(stores))
    (store as MemoryStore<KubeObject>).replace((cluster[name as keyof Cluster] ?? []) as KubeObject[]);
  return stores;
}

export interface LookupFields extends Partial<KubernetesOptions> {
  serverIps?: string[];
  now?: () => number;
}

export function lookupOver(
  stores: Partial<TestStores> & Pick<TestStores, 'namespaces' | 'services'>,
  fields: LookupFields = {},
) {
  const { serverIps = [], now = () => 1_499_347_823_000, ...options } = fields;
  const ips: Ip[] = serverIps.map((text) => tryParseIp(text)!);
  const index = new ClusterIndex({ stores, endpointPodNames: options.endpointPodNames ?? false, now });
  return new ZoneLookup(index, {
    ...kubernetesDefaults,
    zones: ['cluster.local'],
    ...options,
    serverIps: () => ips,
  });
}

export function pluginOver(
  cluster: Cluster,
  { resolve, ...fields }: LookupFields & { resolve?: PluginContext['resolve'] } = {},
) {
  const lookup = lookupOver(storesOf(cluster), fields);
  return kubernetesPlugin({ lookup, ...(resolve && { resolve }) });
}
