/** From a webhook's Service to one of its ready endpoints (apiserver, util/proxy/proxy.go: ResolveEndpoint). */
import { randomInt } from 'node:crypto';
import type { KubeObject } from '../../../kube/meta.ts';
import type { JsonObject } from '../json.ts';
import type { Storage } from '../storage/storage.ts';
import type { ServiceReference } from './client-config.ts';

export interface Endpoint {
  ip: string;
  port: number;
  /** The node that the endpoint is on, where that is said. */
  node?: string;
}

const none = (name: string) => new Error(`no endpoints available for service ${JSON.stringify(name)}`);

type Slice = KubeObject & JsonObject;

/** Slices of the primary family first, in the order of their names. */
function slicesOf({ metadata, spec }: KubeObject & JsonObject, slices: readonly Slice[]): Slice[] {
  const primary = spec.ipFamilies?.[0];
  return slices
    .filter((slice) => slice.metadata.namespace === metadata.namespace)
    .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name)
    .toSorted((a, b) => Number(b.addressType === primary) - Number(a.addressType === primary));
}

/** From a random one on, so that all get their share. */
function readyEndpoint(endpoints: readonly JsonObject[]): JsonObject | undefined {
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return ready.length === 0 ? undefined : ready[randomInt(ready.length)];
}

/** Throws an Error in Kubernetes' words where there is none. */
export function resolveEndpoint(storage: Storage, reference: Required<ServiceReference>): Endpoint {
  const { namespace, name, port } = reference;
  const service = storage.get('/services', `${namespace}/${name}`);
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  return readyEndpointOf(service, port, storage.list('discovery.k8s.io/endpointslices', { namespace }));
}

/** The same of a Service and slices of any. */
export function readyEndpointOf(given: KubeObject, port: number, slices: readonly KubeObject[]): Endpoint {
  const service = given as KubeObject & JsonObject;
  const { name } = service.metadata;
  if (service.spec.type === 'ExternalName') throw new Error('unsupported service type "ExternalName"');
  const servicePort = (service.spec.ports as JsonObject[]).find((p) => p.port === port);
  if (servicePort === undefined)
    throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  for (const { ports, endpoints } of slicesOf(service, slices as readonly Slice[])) {
    const found = ((ports ?? []) as JsonObject[]).find((p) => (p.name ?? '') === (servicePort.name ?? ''));
    const endpoint = found?.port && readyEndpoint(endpoints ?? []);
    if (endpoint) return { ip: endpoint.addresses[0], port: found.port, node: endpoint.nodeName };
  }
  throw none(name);
}
