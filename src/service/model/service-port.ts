/**
 * What a Service asks of a datapath, port by port, in the terms of kube-proxy's own model: a ServicePortName, its
 * frontends and policies. Pure: one Service in, its ports out.
 */
import type { Service, ServicePort } from '../../kube/types.ts';
import { type Family, type Ip, isLinkLocal, isLoopback, parseIp, tryParseIp } from '../../net/ip.ts';
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
}

const proxyNameLabel = 'service.kubernetes.io/service-proxy-name';
const headlessLabel = 'service.kubernetes.io/headless';
const defaultAffinitySeconds = 10_800;
const loopbackAddresses = [parseIp('127.0.0.1'), parseIp('::1')];

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

/** The ports of a Service; none for headless ones, ExternalName, and those of another proxy. */
export function servicePorts(service: Service, nodeAddresses: readonly Ip[]): ServicePortSpec[] {
  const spec = service.spec;
  if (spec === undefined || spec.type === 'ExternalName' || !isForThisProxy(service)) return [];
  const clusterIps = clusterIpsOf(service);
  if (clusterIps.length === 0) return [];
  const families = new Set(clusterIps.map((ip) => ip.family));
  const common = {
    internalPolicy: policy(spec.internalTrafficPolicy),
    externalPolicy: policy(spec.externalTrafficPolicy),
    affinitySeconds: affinity(service),
  };
  return (spec.ports ?? []).map((port) => ({
    name: servicePortName(service.metadata, port),
    protocol: (port.protocol ?? 'TCP') as Protocol,
    frontends: frontends(service, port, { clusterIps, families, nodeAddresses }),
    ...common,
  }));
}

/** A Service written before dual stack has clusterIP only. */
function clusterIpsOf(service: Service): Ip[] {
  const { clusterIPs, clusterIP } = service.spec!;
  const texts = clusterIPs?.length ? clusterIPs : clusterIP ? [clusterIP] : [];
  return texts.map((text) => tryParseIp(text)).filter((ip) => ip !== undefined);
}

function policy(value: string | undefined): TrafficPolicy {
  return value === 'Local' ? 'Local' : 'Cluster';
}

function affinity(service: Service): number {
  if (service.spec?.sessionAffinity !== 'ClientIP') return 0;
  return service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
}

interface Addresses {
  clusterIps: Ip[];
  families: Set<Family>;
  nodeAddresses: readonly Ip[];
}

function frontends(service: Service, port: ServicePort, at: Addresses): ServiceFrontend[] {
  const make = (kind: FrontendKind, ips: readonly Ip[], number: number): ServiceFrontend[] =>
    ips
      .filter((ip) => at.families.has(ip.family))
      .map((ip) => ({ kind, ip, port: number, loopback: isLoopback(ip) }));
  return [
    ...make('ClusterIP', at.clusterIps, port.port),
    ...(port.nodePort ? make('NodePort', nodePortAddresses(at.nodeAddresses), port.nodePort) : []),
    ...make('ExternalIP', parsed(service.spec!.externalIPs), port.port),
    ...make('LoadBalancer', loadBalancerIps(service), port.port),
  ];
}

/** Loopback counts too, for both families; link-local addresses never served NodePorts. */
function nodePortAddresses(addresses: readonly Ip[]): Ip[] {
  return [...addresses.filter((ip) => !isLinkLocal(ip) && !isLoopback(ip)), ...loopbackAddresses];
}

/**
 * Addresses of mode Proxy are reached through the load balancer itself (KEP-1860). While source ranges are not
 * enforced a Service that sets them gets no such frontend: closed rather than open.
 */
function loadBalancerIps(service: Service): Ip[] {
  if (service.spec!.type !== 'LoadBalancer' || service.spec!.loadBalancerSourceRanges?.length) return [];
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return parsed(ingress.filter((entry) => entry.ipMode !== 'Proxy').map((entry) => entry.ip ?? ''));
}

function parsed(texts: readonly string[] | undefined): Ip[] {
  return (texts ?? []).map((text) => tryParseIp(text)).filter((ip) => ip !== undefined);
}
