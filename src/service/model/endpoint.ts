/** Endpoints of EndpointSlices as kube-proxy reads them (pkg/proxy/endpointslicecache.go), joined by ServicePortName. */
import type { EndpointSlice } from '../../kube/types.ts';
import { type Family, formatIp, type Ip, tryParseIp } from '../../net/ip.ts';
import { isForThisProxy, type ServicePortName, servicePortName } from './service-port.ts';

export interface Endpoint {
  readonly ip: Ip;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Runs on this node. */
  readonly local: boolean;
  /** Zones and nodes that the EndpointSlice controller meant it for. */
  readonly forZones: readonly string[];
  readonly forNodes: readonly string[];
}

export const serviceNameLabel = 'kubernetes.io/service-name';

/** `namespace/name` of the slice's Service; undefined for what no proxy reads (FQDN slices, other proxies'). */
export function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[serviceNameLabel];
  if (name === undefined || slice.addressType === 'FQDN' || !isForThisProxy(slice)) return undefined;
  return `${slice.metadata.namespace}/${name}`;
}

/** All endpoints of one Service, by port, each address and port once. */
export function endpointsByPort(
  slices: readonly EndpointSlice[],
  nodeName: string,
): Map<ServicePortName, Endpoint[]> {
  const ports = new Map<ServicePortName, Map<string, Endpoint>>();
  for (const slice of slices) {
    const service = { namespace: slice.metadata.namespace!, name: slice.metadata.labels![serviceNameLabel]! };
    for (const port of slice.ports ?? []) {
      if (!port.port) continue;
      const name = servicePortName(service, port);
      const known = ports.get(name) ?? new Map<string, Endpoint>();
      ports.set(name, known);
      for (const entry of slice.endpoints ?? []) add(known, toEndpoint(entry, port.port, nodeName));
    }
  }
  return new Map([...ports].map(([name, endpoints]) => [name, [...endpoints.values()]]));
}

/**
 * An address can be in a slice twice, or in two slices while it moves: what terminates never replaces another, since
 * the address may be a new pod's already.
 */
function add(known: Map<string, Endpoint>, endpoint: Endpoint | undefined): void {
  if (endpoint === undefined) return;
  const key = endpointKey(endpoint);
  if (!known.has(key) || !endpoint.terminating) known.set(key, endpoint);
}

export function endpointKey(endpoint: { ip: Ip; port: number }): string {
  return `${formatIp(endpoint.ip)}|${endpoint.port}`;
}

/**
 * How many addresses of this node are ready, by family: what a health check of the Service tells. One that
 * terminates counts no more, though it may still serve.
 */
export function readyHere(ports: ReadonlyMap<ServicePortName, readonly Endpoint[]>): Record<Family, number> {
  const addresses = { 4: new Set<string>(), 6: new Set<string>() };
  for (const endpoints of ports.values())
    for (const { ip, local, ready } of endpoints) if (local && ready) addresses[ip.family].add(formatIp(ip));
  return { 4: addresses[4].size, 6: addresses[6].size };
}

/** Shared: most endpoints have no hints, and there may be 250,000 of them. */
const noHints: readonly string[] = Object.freeze([]);

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** Only the first address counts: the API allows more, and means them as equals (discovery/v1, Endpoint.addresses). */
function toEndpoint(entry: SliceEndpoint, port: number, nodeName: string): Endpoint | undefined {
  const ip = tryParseIp(entry.addresses?.[0] ?? '');
  if (ip === undefined) return undefined;
  const { ready, serving, terminating } = entry.conditions ?? {};
  return {
    ip,
    port,
    // Absent means true for ready and serving, false for terminating.
    ready: ready ?? true,
    serving: serving ?? true,
    terminating: terminating ?? false,
    local: entry.nodeName === nodeName,
    forZones: entry.hints?.forZones?.map((zone) => zone.name) ?? noHints,
    forNodes: entry.hints?.forNodes?.map((node) => node.name) ?? noHints,
  };
}
