/** What DNS reads of Services, ServiceImports and EndpointSlices, as it needs it. */
import type { EndpointSlice, Service } from '../../../kube/types.ts';
import { importLabels, type ServiceImport } from './service-import.ts';

export interface NamedPort {
  name: string;
  /** Lower case. */
  protocol: string;
  /** `noPort` where none is declared: there is then no SRV record. */
  port: number;
}

export const noPort = -1;

export interface ClusterService {
  namespace: string;
  name: string;
  kind: 'ip' | 'headless' | 'alias';
  /** Of an `ip`; texts as the API has them. */
  ips: readonly string[];
  /** Of an `alias`. */
  externalName: string;
  /** External and load balancer addresses, and host names of load balancers. */
  externalIps: readonly string[];
  ports: readonly NamedPort[];
}

export interface Endpoint {
  /** An address; a domain name in slices of address type FQDN. */
  address: string;
  /** The label below the Service's name, canonical. */
  host: string;
  /** Its topology zone, in lower case. */
  zone?: string;
}

/** The ready endpoints of one EndpointSlice. */
export interface EndpointSet {
  /** Multicluster: the cluster that they are in. */
  cluster?: string;
  endpoints: readonly Endpoint[];
  ports: readonly NamedPort[];
}

type PortLike = { name?: string | null; protocol?: string | null; port?: number | null };

function portsOf(ports: readonly PortLike[] | undefined | null): NamedPort[] {
  if (!ports || ports.length === 0) return [{ name: '', protocol: '', port: noPort }];
  return ports.map(({ name, protocol, port }) => ({
    name: name?.toLowerCase() ?? '',
    // The API's default.
    protocol: protocol?.toLowerCase() ?? 'tcp',
    port: port ?? noPort,
  }));
}

export function clusterService({ metadata, spec = {}, status }: Service): ClusterService {
  const ips = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    kind: spec.type === 'ExternalName' ? 'alias' : ips[0] === 'None' ? 'headless' : 'ip',
    ips,
    externalName: spec.externalName ?? '',
    externalIps: [...(spec.externalIPs ?? []), ...ingress.map(({ ip, hostname }) => ip || (hostname ?? ''))],
    ports: portsOf(spec.ports),
  };
}

export function importedService({ metadata, spec = {} }: ServiceImport): ClusterService {
  return {
    namespace: metadata.namespace!,
    name: metadata.name,
    kind: spec.type === 'Headless' ? 'headless' : 'ip',
    ips: spec.ips ?? [],
    externalName: '',
    externalIps: [],
    ports: spec.ports?.length ? portsOf(spec.ports) : [],
  };
}

/** A readiness that nobody knows counts as ready; `publishNotReadyAddresses` is in the slices already. */
export function endpointSet(slice: EndpointSlice, podNames: boolean): EndpointSet {
  const endpoints: Endpoint[] = [];
  for (const { addresses, conditions, hostname, targetRef, zone } of slice.endpoints ?? []) {
    if (conditions?.ready === false) continue;
    const podName = podNames && (targetRef?.name?.length ?? 64) < 64 ? targetRef!.name! : '';
    for (const address of addresses)
      endpoints.push({
        address,
        host: (hostname || podName || dashed(address)).toLowerCase(),
        ...(zone && { zone: zone.toLowerCase() }),
      });
  }
  return { endpoints, ports: portsOf(slice.ports), cluster: slice.metadata.labels?.[importLabels.cluster] };
}

/** An address as a label. One that ends with a colon gets a 0: a label may not end with a dash. */
function dashed(address: string): string {
  if (address.includes('.')) return address.replaceAll('.', '-');
  const text = address.replaceAll(':', '-');
  return text.endsWith('-') ? `${text}0` : text;
}
