/** The Endpoints object of a Service, which older tools and `kubectl describe` read. Pure. */
import { stableJson } from '../../../kube/deep-equal.ts';
import type { Endpoints } from '../../../kube/types.ts';
import { isReady, isTerminating } from '../pods/pod-state.ts';
import { type EndpointPort, hostnameOf, isEndpoint, podAddress, portsOf } from './endpoint.ts';
import { addressTypes, type ServiceState } from './plan.ts';

type Subset = NonNullable<Endpoints['subsets']>[number];
type Address = NonNullable<Subset['addresses']>[number];

/** Addresses of the Service's first family, in groups by their ports; terminating pods are not in it. */
export function subsetsOf({ service, pods }: Pick<ServiceState, 'service' | 'pods'>): Subset[] {
  const type = addressTypes(service)[0] ?? 'IPv4';
  const unready = service.spec?.publishNotReadyAddresses === true;
  const groups = new Map<string, { ports: EndpointPort[]; ready: Address[]; notReady: Address[] }>();
  for (const pod of pods) {
    const ip = podAddress(pod, type);
    if (ip === undefined || !isEndpoint(pod) || (isTerminating(pod) && !unready)) continue;
    const ports = portsOf(pod, service);
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const key = stableJson(ports);
    const group = groups.get(key) ?? { ports, ready: [], notReady: [] };
    groups.set(key, group);
    const { namespace, name, uid } = pod.metadata;
    const hostname = hostnameOf(pod, service);
    const address = {
      ip,
      ...(hostname === undefined ? {} : { hostname }),
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: { kind: 'Pod', namespace, name, uid },
    };
    (unready || isReady(pod) ? group.ready : group.notReady).push(address);
  }
  return [...groups.values()].map(({ ports, ready, notReady }) => ({
    ...(ready.length > 0 ? { addresses: sorted(ready) } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: sorted(notReady) } : {}),
    ...(ports.length > 0 ? { ports: ports.map(toSubsetPort) } : {}),
  }));
}

function sorted(addresses: Address[]): Address[] {
  return addresses.sort((a, b) => (a.ip < b.ip ? -1 : 1));
}

function toSubsetPort({ name, port, ...rest }: EndpointPort) {
  return { ...(name ? { name } : {}), port: port!, ...rest };
}
