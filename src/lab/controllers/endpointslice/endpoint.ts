/** What one pod is to a Service: its addresses, its ports, its conditions. Pure. */
import type { EndpointSlice, Node, Pod, Service, ServicePort } from '../../../kube/types.ts';
import type { Family } from '../../../net/ip.ts';
import { isFinished, isReady, isTerminating } from '../pods/pod-state.ts';

export type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];
export type EndpointPort = NonNullable<EndpointSlice['ports']>[number];
export type AddressType = 'IPv4' | 'IPv6';

export const familyOf: Record<AddressType, Family> = { IPv4: 4, IPv6: 6 };

/** The pod's address of a family. */
export function podAddress(pod: Pod, type: AddressType): string | undefined {
  const ips = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  return ips.find((ip) => ip.includes(':') === (type === 'IPv6'));
}

/** Finished pods are no endpoints; terminating ones are, and say so. */
export function isEndpoint(pod: Pod): boolean {
  return !isFinished(pod) && pod.status?.podIP !== undefined && pod.status.podIP !== '';
}

export function endpointOf(
  pod: Pod,
  service: Service,
  { ip, node }: { ip: string; node: Node | undefined },
): Endpoint {
  const { namespace, name, uid } = pod.metadata;
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const hostname = hostnameOf(pod, service);
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    ...hintsOf(service, { ready, zone, nodeName: pod.spec?.nodeName }),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(zone ? { zone } : {}),
  };
}

/** A pod has a name of its own in DNS where its subdomain is the Service. */
export function hostnameOf(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

/** Where trafficDistribution wants traffic to stay near, each endpoint is for its own zone (and node). */
function hintsOf(
  service: Service,
  { ready, zone, nodeName }: { ready: boolean; zone: string | undefined; nodeName: string | undefined },
): Pick<Endpoint, 'hints'> {
  const distribution = service.spec?.trafficDistribution as string | undefined;
  if (!ready || distribution === undefined) return {};
  const forZones = zone ? [{ name: zone }] : undefined;
  if (distribution === 'PreferSameNode' && nodeName) {
    return { hints: { ...(forZones ? { forZones } : {}), forNodes: [{ name: nodeName }] } };
  }
  const near = distribution === 'PreferClose' || distribution === 'PreferSameZone';
  return near && forZones ? { hints: { forZones } } : {};
}

/** The Service's ports on this pod; a port whose name the pod does not have is left out. */
export function portsOf(pod: Pod, service: Service): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    return [{ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPortOf(pod: Pod, { targetPort, port, protocol = 'TCP' }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec?.initContainers ?? []).filter(
    (container) => container.restartPolicy === 'Always',
  );
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((p) => p.name === targetPort && (p.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}
