/**
 * What a Service asks of a datapath, port by port, in the terms of kube-proxy's own model: a ServicePortName, its
 * frontends and policies. Pure: one Service in, its ports out.
 */
import type { Service, ServicePort } from '../../kube/types.ts';
import { type Cidr, tryParseCidr } from '../../net/cidr.ts';
import { type Family, type Ip, isLoopback, tryParseIp } from '../../net/ip.ts';
import type { Protocol } from '../../net/protocol.ts';

/** `namespace/name:port/PROTOCOL`: what frontends and endpoints are joined by. */
export type ServicePortName = string;

export type FrontendKind = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer';

export interface ServiceFrontend {
  readonly kind: FrontendKind;
  readonly ip: Ip;
  readonly port: number;
  /** The address is the node's loopback: only its own processes mean it. */
  readonly loopback: boolean;
  /** Of the frontend's family: clients elsewhere are dropped. Empty: all are let in. */
  readonly sourceRanges: readonly Cidr[];
}

export type TrafficPolicy = 'Cluster' | 'Local';

export interface ServicePortSpec {
  readonly name: ServicePortName;
  readonly protocol: Protocol;
  readonly frontends: readonly ServiceFrontend[];
  readonly internalPolicy: TrafficPolicy;
  readonly externalPolicy: TrafficPolicy;
  /** 0 without session affinity. */
  readonly affinitySeconds: number;
  /** Backends are chosen by consistent hashing, the same on every node. */
  readonly maglev: boolean;
  /** A remote backend answers the client itself, in the Service's name. */
  readonly dsr: boolean;
  /** TCP between pods of one node goes from socket to socket. */
  readonly shortcut: boolean;
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
const headlessLabel = 'service.kubernetes.io/headless';
const balancingAnnotation = 'tendril.dev/service-balancing';
const forwardingAnnotation = 'tendril.dev/service-forwarding';
const shortcutAnnotation = 'tendril.dev/socket-shortcut';
const defaultAffinitySeconds = 10_800;

/** Objects that another proxy serves, or that are headless by label: kube-proxy does not even watch them. */
export function isForThisProxy(object: { metadata: { labels?: Record<string, string> } }): boolean {
  const labels = object.metadata.labels ?? {};
  return !(proxyNameLabel in labels) && !(headlessLabel in labels);
}

export function servicePortName(
  service: { namespace?: string; name: string },
  port: { name?: string | undefined; protocol?: string | undefined },
): ServicePortName {
  return `${service.namespace}/${service.name}:${port.name ?? ''}/${port.protocol ?? 'TCP'}`;
}

/**
 * The ports of a Service; none for headless ones, ExternalName, and those of another proxy.
 * @param nodePortAddresses where the node answers on NodePorts
 * @param inNamespace what the Service's namespace says for those that say nothing
 */
export function servicePorts(
  service: Service,
  nodePortAddresses: readonly Ip[],
  inNamespace: { shortcut?: string | undefined } = {},
): ServicePortSpec[] {
  const clusterIps = servedIps(service);
  if (clusterIps.length === 0) return [];
  const spec = service.spec!;
  const families = new Set(clusterIps.map((ip) => ip.family));
  const common = {
    internalPolicy: policy(spec.internalTrafficPolicy),
    externalPolicy: isExternallyAccessible(service) ? policy(spec.externalTrafficPolicy) : 'Cluster',
    affinitySeconds: affinity(service),
    maglev: service.metadata.annotations?.[balancingAnnotation] === 'maglev',
    dsr: service.metadata.annotations?.[forwardingAnnotation] === 'dsr',
    shortcut: (shortcutOf(service) ?? inNamespace.shortcut) === 'enabled',
  };
  return (spec.ports ?? []).map((port) => ({
    name: servicePortName(service.metadata, port),
    protocol: (port.protocol ?? 'TCP') as Protocol,
    frontends: frontends(service, port, { clusterIps, families, nodePortAddresses }),
    ...common,
  }));
}

export interface ClusterIps {
  readonly ips: readonly Ip[];
  /** False for those of another proxy's Service: what goes there is not ours to refuse. */
  readonly ours: boolean;
}

/** The ClusterIPs of a Service as such, whatever its ports; undefined where it has none. */
export function clusterIpsOf(service: Service): ClusterIps | undefined {
  const ips = assignedIps(service);
  return ips.length > 0 ? { ips, ours: isForThisProxy(service) } : undefined;
}

/** What a Service or a Namespace says of the way from socket to socket; undefined where nothing. */
export function shortcutOf(object: {
  metadata: { annotations?: Record<string, string> };
}): string | undefined {
  return object.metadata.annotations?.[shortcutAnnotation];
}

/** ClusterIPs that a proxy serves. */
function servedIps(service: Service): Ip[] {
  return isForThisProxy(service) ? assignedIps(service) : [];
}

/** Asked for several times in a row, and the same addresses are kept then. */
let lastAssigned: { service: Service; ips: Ip[] } | undefined;

function assignedIps(service: Service): Ip[] {
  if (lastAssigned?.service !== service) lastAssigned = { service, ips: parseAssignedIps(service) };
  return lastAssigned.ips;
}

/** A Service written before dual stack has clusterIP only. */
function parseAssignedIps(service: Service): Ip[] {
  const { type, clusterIPs, clusterIP } = service.spec ?? {};
  if (type === 'ExternalName') return [];
  const texts = clusterIPs?.length ? clusterIPs : clusterIP ? [clusterIP] : [];
  return texts.map((text) => tryParseIp(text)).filter((ip) => ip !== undefined);
}

export interface HealthCheckPort {
  readonly port: number;
  /** Of the Service: it is answered on addresses of these. */
  readonly families: readonly Family[];
}

/** Where a load balancer asks whether this node has endpoints of the Service; undefined where nobody asks. */
export function healthCheckPort(service: Service): HealthCheckPort | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort: port, ports = [] } = service.spec ?? {};
  const families = [...new Set(servedIps(service).map((ip) => ip.family))];
  const asked = type === 'LoadBalancer' && externalTrafficPolicy === 'Local' && ports.length > 0;
  return asked && port && families.length > 0 ? { port, families } : undefined;
}

function policy(value: string | undefined): TrafficPolicy {
  return value === 'Local' ? 'Local' : 'Cluster';
}

function isExternallyAccessible({ spec }: Service): boolean {
  const type = spec!.type ?? 'ClusterIP';
  return type !== 'ClusterIP' || (spec!.externalIPs ?? []).length > 0;
}

function affinity(service: Service): number {
  if (service.spec?.sessionAffinity !== 'ClientIP') return 0;
  return service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
}

interface Addresses {
  clusterIps: Ip[];
  families: Set<Family>;
  nodePortAddresses: readonly Ip[];
}

function frontends(service: Service, port: ServicePort, at: Addresses): ServiceFrontend[] {
  const make = (kind: FrontendKind, ips: readonly Ip[], number: number): ServiceFrontend[] =>
    ips
      .filter((ip) => at.families.has(ip.family))
      .map((ip) => ({ kind, ip, port: number, loopback: isLoopback(ip), sourceRanges: [] }));
  const ranges = sourceRanges(service.spec!.loadBalancerSourceRanges);
  return [
    ...make('ClusterIP', at.clusterIps, port.port),
    ...(port.nodePort ? make('NodePort', at.nodePortAddresses, port.nodePort) : []),
    ...make('ExternalIP', parsed(service.spec!.externalIPs), port.port),
    ...make('LoadBalancer', loadBalancerIps(service), port.port).map((frontend) => ({
      ...frontend,
      sourceRanges: ranges[frontend.ip.family],
    })),
  ];
}

/**
 * Addresses of mode Proxy are reached through the load balancer itself (KEP-1860). What the Service's type is does not
 * matter: the API server keeps a status for load balancers only.
 */
function loadBalancerIps(service: Service): Ip[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return parsed(ingress.filter(({ ipMode }) => (ipMode ?? 'VIP') === 'VIP').map((entry) => entry.ip ?? ''));
}

/** By family: a family without a range is open, as is one with 0.0.0.0/0 or ::/0 among its ranges. */
function sourceRanges(texts: readonly string[] = []): Record<Family, readonly Cidr[]> {
  const cidrs = texts.map((text) => tryParseCidr(strict(text.trim()))).filter((cidr) => cidr !== undefined);
  const of = (family: Family) => {
    const own = cidrs.filter(({ ip }) => ip.family === family);
    return own.some(({ prefix }) => prefix === 0) ? [] : own;
  };
  return { 4: of(4), 6: of(6) };
}

/**
 * API servers of before 1.36 take leading zeros, which count for nothing, as kube-proxy does: were such a range left out
 * as none, its Service would be open to all.
 */
function strict(text: string): string {
  return text.includes(':') ? text.replace(/\/0+(?=\d)/, '/') : text.replace(/(^|[./])0+(?=\d)/g, '$1');
}

function parsed(texts: readonly string[] | undefined): Ip[] {
  return (texts ?? []).map((text) => tryParseIp(text)).filter((ip) => ip !== undefined);
}
