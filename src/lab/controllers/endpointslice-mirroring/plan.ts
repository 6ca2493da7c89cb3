/**
 * EndpointSlices for Endpoints that somebody wrote by hand: to a Service without a selector, whose endpoints no
 * controller finds. Pure. Source: kubernetes pkg/controller/endpointslicemirroring.
 */
import { deepEqual, stableJson } from '../../../kube/deep-equal.ts';
import type { NewObject } from '../../../kube/meta.ts';
import type { EndpointSlice, Endpoints, Service } from '../../../kube/types.ts';
import { tryParseIp } from '../../../net/ip.ts';
import type { Endpoint, EndpointPort } from '../endpointslice/endpoint.ts';
import { managedByLabel, type SlicePlan, serviceNameLabel } from '../endpointslice/plan.ts';

export const managedBy = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const notMirrored = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'endpoints.kubernetes.io/over-capacity',
]);
/** Of each subset and family. */
const maxEndpoints = 1000;

type Subset = NonNullable<Endpoints['subsets']>[number];
type EndpointAddress = NonNullable<Subset['addresses']>[number];
type Wanted = Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'>;

/** Whether the Endpoints are somebody's own work for the Service. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels, annotations, deletionTimestamp } = endpoints.metadata;
  if (deletionTimestamp || labels?.[skipLabel] === 'true' || annotations?.[leaderAnnotation] !== undefined)
    return false;
  return service !== undefined && service.spec?.selector === undefined;
}

/** `slices` are those of this controller for the Endpoints. */
export function planMirror(
  endpoints: Endpoints | undefined,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  const mirrored = endpoints !== undefined && isMirrored(endpoints, service);
  const wanted = mirrored ? (endpoints.subsets ?? []).flatMap(slicesOf) : [];
  const free = slices.filter(({ metadata }) => !metadata.deletionTimestamp);
  for (const content of wanted) {
    const at = free.findIndex((slice) => fits(slice, content));
    const found = at < 0 ? undefined : free.splice(at, 1)[0];
    const metadata = metadataOf(endpoints!);
    if (found === undefined) plan.create.push({ metadata, ...content } as NewObject<EndpointSlice>);
    else if (differs(found, content, metadata))
      plan.update.push({ ...found, ...content, metadata: { ...found.metadata, ...withoutName(metadata) } });
  }
  plan.remove.push(...free);
  return plan;
}

/** An address family cannot change, nor should a slice's ports. */
function fits(slice: EndpointSlice, content: Wanted): boolean {
  return (
    slice.addressType === content.addressType &&
    stableJson(slice.ports ?? []) === stableJson(content.ports ?? [])
  );
}

type Metadata = NewObject<EndpointSlice>['metadata'];

function differs(slice: EndpointSlice, content: Wanted, { labels, annotations = {} }: Metadata): boolean {
  return (
    !deepEqual(slice.endpoints ?? [], content.endpoints) ||
    !deepEqual(slice.metadata.labels, labels) ||
    !deepEqual(slice.metadata.annotations ?? {}, annotations)
  );
}

function withoutName({ labels, annotations }: Metadata): Pick<Metadata, 'labels' | 'annotations'> {
  return { labels, annotations };
}

function slicesOf({ addresses = [], notReadyAddresses = [], ports = [] }: Subset): Wanted[] {
  const all = [
    ...addresses.map((address) => mirroredEndpoint(address, true)),
    ...notReadyAddresses.map((address) => mirroredEndpoint(address, false)),
  ];
  const mirroredPorts = ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    ...{ name, port, protocol },
    ...(appProtocol && { appProtocol }),
  })) as EndpointPort[];
  return ([4, 6] as const).flatMap((family) => {
    const endpoints = all.filter(({ addresses: [ip] }) => tryParseIp(ip!)?.family === family);
    if (endpoints.length === 0) return [];
    return [
      {
        addressType: family === 4 ? 'IPv4' : 'IPv6',
        endpoints: endpoints.slice(0, maxEndpoints),
        ports: mirroredPorts,
      },
    ];
  });
}

function mirroredEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef }),
  };
}

function metadataOf(endpoints: Endpoints): Metadata {
  const { name, namespace, uid, labels, annotations = {} } = endpoints.metadata;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !notMirrored.has(key)));
  const owner = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    name,
    uid: uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    generateName: `${name}-`,
    namespace,
    labels: { ...labels, [serviceNameLabel]: name, [managedByLabel]: managedBy },
    ...(Object.keys(kept).length > 0 && { annotations: kept }),
    ownerReferences: [owner],
  };
}
