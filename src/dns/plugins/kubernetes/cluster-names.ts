/**
 * Names of the cluster zone and the records they stand for, by the Kubernetes DNS specification 1.1.0
 * (kubernetes/dns, docs/specification.md). Derived at each query from the stores: nothing can be stale.
 */

import type { Store } from '../../../kube/client/store.ts';
import type { EndpointSlice, Namespace, Service } from '../../../kube/types.ts';
import { compareIp, type Ip, tryParseIp } from '../../../net/ip.ts';

export interface ClusterStores {
  namespaces: Store<Namespace>;
  services: Store<Service>;
  /** Has the index `service`: namespace/name of the Service that a slice belongs to. */
  slices: Store<EndpointSlice>;
}

const sliceServiceIndex = 'service';

/** The index value of a slice: the key of its Service. */
function serviceKeysOf(slice: EndpointSlice): string[] {
  const service = slice.metadata.labels?.['kubernetes.io/service-name'];
  return service === undefined ? [] : [`${slice.metadata.namespace}/${service}`];
}

export interface ServiceTarget {
  /** First label of the SRV target below the Service's name; absent for the Service's own name. */
  host?: string;
  port: number;
  ips: Ip[];
}

export type Lookup =
  /** The name exists and has these addresses (maybe none of the family asked for). */
  | { kind: 'addresses'; ips: Ip[]; ports?: ServiceTarget[] }
  | { kind: 'services'; targets: ServiceTarget[]; service: string }
  | { kind: 'external'; target: string }
  | { kind: 'text'; strings: string[] }
  /** The zone's own name. */
  | { kind: 'apex' }
  /** The name exists and has no records. */
  | { kind: 'empty' }
  | { kind: 'absent' };

const absent: Lookup = { kind: 'absent' };
const empty: Lookup = { kind: 'empty' };

export interface ClusterNames {
  /** What a canonical name relative to the zone stands for; '' is the zone itself. */
  lookup(relative: string): Lookup;
  /** Names, relative to the zone, that an address is known by. */
  reverse(ip: Ip): string[];
}

interface Endpoint {
  host: string;
  ip: Ip;
}

export function createClusterNames(stores: ClusterStores): ClusterNames {
  const { namespaces, services, slices } = stores;

  function lookup(relative: string): Lookup {
    if (relative === '') return { kind: 'apex' };
    const labels = relative.split('.').reverse();
    const [kind, namespace, ...rest] = labels as [string, string | undefined, ...string[]];
    if (kind === 'dns-version') return labels.length === 1 ? { kind: 'text', strings: ['1.1.0'] } : absent;
    if (kind !== 'svc' && kind !== 'pod') return absent;
    if (namespace === undefined) return empty;
    if (namespaces.get(namespace) === undefined) return absent;
    if (rest.length === 0) return empty;
    return kind === 'pod' ? lookupPod(rest) : lookupService(namespace, rest);
  }

  function lookupService(namespace: string, [name, ...rest]: string[]): Lookup {
    const service = services.get(`${namespace}/${name}`);
    if (service === undefined) return absent;
    const { type, externalName, clusterIP, clusterIPs } = service.spec ?? {};
    if (type === 'ExternalName')
      return rest.length === 0 ? { kind: 'external', target: externalName ?? '' } : absent;
    const headless = clusterIP === 'None';
    const ips = headless
      ? []
      : (clusterIPs ?? [clusterIP ?? '']).map(tryParseIp).filter((ip) => ip !== undefined);
    const relative = `${name}.${namespace}.svc`;
    if (rest.length === 0) {
      if (!headless) return { kind: 'addresses', ips, ports: ownTargets(service, ips) };
      const endpoints = endpointsOf(service);
      if (endpoints.length === 0) return absent;
      return { kind: 'addresses', ips: unique(endpoints.map((e) => e.ip)), ports: endpointTargets(service) };
    }
    if (rest.length === 1 && rest[0]!.startsWith('_')) return hasProtocol(service, rest[0]!) ? empty : absent;
    if (rest.length === 1) return headless ? lookupEndpoint(service, rest[0]!) : absent;
    const [protocol, port, ...more] = rest as [string, string, ...string[]];
    if (more.length > 0 || !port.startsWith('_') || !protocol.startsWith('_')) return absent;
    const wanted = { port: port.slice(1), protocol: protocol.slice(1) };
    const targets = headless ? endpointTargets(service, wanted) : ownTargets(service, ips, wanted);
    return targets.length === 0 ? absent : { kind: 'services', targets, service: relative };
  }

  function lookupEndpoint(service: Service, host: string): Lookup {
    const ips = endpointsOf(service).filter((endpoint) => endpoint.host === host);
    return ips.length === 0 ? absent : { kind: 'addresses', ips: unique(ips.map((e) => e.ip)) };
  }

  function slicesOf(service: Service): readonly EndpointSlice[] {
    return slices.byIndex(sliceServiceIndex, `${service.metadata.namespace}/${service.metadata.name}`);
  }

  function endpointsOf(service: Service): Endpoint[] {
    return slicesOf(service).flatMap(readyEndpoints);
  }

  function endpointTargets(service: Service, wanted?: { port: string; protocol: string }): ServiceTarget[] {
    const targets = new Map<string, ServiceTarget>();
    for (const slice of slicesOf(service)) {
      for (const port of slice.ports ?? []) {
        if (port.port === undefined || !matchesPort(port, wanted)) continue;
        for (const { host, ip } of readyEndpoints(slice)) {
          const key = `${host}:${port.port}`;
          const target = targets.get(key) ?? { host, port: port.port, ips: [] };
          target.ips.push(ip);
          targets.set(key, target);
        }
      }
    }
    return [...targets.values()];
  }

  function reverse(ip: Ip): string[] {
    const names: string[] = [];
    for (const service of services.byIndex(serviceIpIndex, ipKey(ip))) {
      names.push(`${service.metadata.name}.${service.metadata.namespace}.svc`);
    }
    if (names.length > 0) return names;
    for (const slice of slices.byIndex(sliceIpIndex, ipKey(ip))) {
      const [key] = serviceKeysOf(slice);
      const service = key === undefined ? undefined : services.get(key);
      if (service?.spec?.clusterIP !== 'None') continue;
      for (const endpoint of readyEndpoints(slice)) {
        if (compareIp(endpoint.ip, ip) !== 0) continue;
        names.push(`${endpoint.host}.${service.metadata.name}.${service.metadata.namespace}.svc`);
      }
    }
    return names;
  }

  slices.addIndex(sliceServiceIndex, serviceKeysOf);
  services.addIndex(serviceIpIndex, (service) =>
    (service.spec?.clusterIPs ?? []).flatMap((text) => tryParseIp(text) ?? []).map(ipKey),
  );
  slices.addIndex(sliceIpIndex, (slice) =>
    (slice.endpoints ?? []).flatMap((e) => e.addresses.flatMap((text) => tryParseIp(text) ?? [])).map(ipKey),
  );
  return { lookup, reverse };
}

const serviceIpIndex = 'clusterIP';
const sliceIpIndex = 'address';
const ipKey = (ip: Ip): string => Buffer.from(ip.bytes).toString('hex');

/** `pods insecure` of CoreDNS: the address is in the name, with dashes; whether a pod has it is not asked. */
function lookupPod(rest: string[]): Lookup {
  const [dashed] = rest as [string];
  if (rest.length > 1) return absent;
  const ip = tryParseIp(dashed.replaceAll('-', '.')) ?? tryParseIp(dashed.replaceAll('-', ':'));
  return ip === undefined ? absent : { kind: 'addresses', ips: [ip] };
}

/** Endpoints that are ready (unset means ready); publishNotReadyAddresses is in the slices already. */
function readyEndpoints(slice: EndpointSlice): Endpoint[] {
  return (slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false)
    .flatMap((endpoint) =>
      endpoint.addresses.flatMap((address) => {
        const ip = tryParseIp(address);
        return ip === undefined ? [] : [{ ip, host: endpoint.hostname ?? address.replaceAll(/[.:]/g, '-') }];
      }),
    );
}

function ownTargets(
  service: Service,
  ips: Ip[],
  wanted?: { port: string; protocol: string },
): ServiceTarget[] {
  return (service.spec?.ports ?? [])
    .filter((port) => matchesPort(port, wanted))
    .map(({ port }) => ({ port, ips }));
}

function matchesPort(
  port: { name?: string; protocol?: string },
  wanted?: { port: string; protocol: string },
): boolean {
  if (wanted === undefined) return true;
  return port.name === wanted.port && (port.protocol ?? 'TCP').toLowerCase() === wanted.protocol;
}

function hasProtocol(service: Service, label: string): boolean {
  return (service.spec?.ports ?? []).some(
    (port) => port.name && `_${(port.protocol ?? 'TCP').toLowerCase()}` === label,
  );
}

function unique(ips: Ip[]): Ip[] {
  return [...new Map(ips.map((ip) => [ipKey(ip), ip])).values()];
}
