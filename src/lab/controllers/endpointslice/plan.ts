/**
 * The EndpointSlices of a Service: which to make, change and delete. Endpoints stay in the slice they are in, so that
 * a change touches as few slices as can be. Pure. Source: kubernetes staging/src/k8s.io/endpointslice.
 */
import { deepEqual, stableJson } from '../../../kube/deep-equal.ts';
import type { NewObject } from '../../../kube/meta.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../../kube/types.ts';
import { controllerReference } from '../pods/pod-template.ts';
import {
  type AddressType,
  type Endpoint,
  type EndpointPort,
  endpointOf,
  isEndpoint,
  podAddress,
  portsOf,
} from './endpoint.ts';
import { withTriggerTime } from './trigger-time.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const maxEndpoints = 100;

export interface ServiceState {
  service: Service;
  /** The pods that its selector matches. */
  pods: readonly Pod[];
  node: (name: string) => Node | undefined;
  /** The slices of this controller for the Service. */
  slices: readonly EndpointSlice[];
  /** When what changed happened, where it is known: what is written says so. */
  triggerTime?: string | undefined;
}

export interface SlicePlan {
  create: NewObject<EndpointSlice>[];
  update: EndpointSlice[];
  remove: EndpointSlice[];
}

/** Endpoints that share their ports go together. */
interface Group {
  ports: EndpointPort[];
  endpoints: Map<string, Endpoint>;
}

export function planSlices(state: ServiceState): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [] };
  const types = addressTypes(state.service);
  for (const slice of state.slices) {
    if (!types.includes(slice.addressType as AddressType)) plan.remove.push(slice);
  }
  for (const type of types) planFamily(plan, state, type);
  return plan;
}

/** The families of the Service; those of its cluster IPs where it does not say. */
export function addressTypes({ spec }: Service): AddressType[] {
  if (spec?.ipFamilies?.length) return spec.ipFamilies as AddressType[];
  const ips = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  return ips.length > 0 ? ips.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')) : ['IPv4'];
}

function planFamily(plan: SlicePlan, state: ServiceState, type: AddressType): void {
  const groups = groupsOf(state, type);
  const existing = state.slices.filter(
    (slice) => slice.addressType === type && !slice.metadata.deletionTimestamp,
  );
  const byPorts = Map.groupBy(existing, (slice) => stableJson(slice.ports ?? []));
  // A Service without endpoints has one empty slice, so that readers can tell "none" from "not yet".
  if (groups.size === 0) groups.set(stableJson([]), { ports: [], endpoints: new Map() });
  for (const [key, slices] of byPorts) if (!groups.has(key)) plan.remove.push(...slices);
  for (const [key, group] of groups) planGroup(plan, state, { type, group, slices: byPorts.get(key) ?? [] });
}

function groupsOf({ service, pods, node }: ServiceState, type: AddressType): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const ip = podAddress(pod, type);
    if (ip === undefined || !isEndpoint(pod)) continue;
    const ports = portsOf(pod, service);
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue;
    const key = stableJson(ports);
    let group = groups.get(key);
    if (group === undefined) {
      group = { ports, endpoints: new Map() };
      groups.set(key, group);
    }
    const endpoint = endpointOf(pod, service, { ip, node: node(pod.spec?.nodeName ?? '') });
    group.endpoints.set(`${pod.metadata.uid}/${ip}`, endpoint);
  }
  return groups;
}

interface GroupInput {
  type: AddressType;
  group: Group;
  slices: readonly EndpointSlice[];
}

function planGroup(plan: SlicePlan, state: ServiceState, { type, group, slices }: GroupInput): void {
  const { service } = state;
  const unplaced = new Map(group.endpoints);
  const drafts = slices.map((slice) => ({
    slice,
    endpoints: (slice.endpoints ?? []).flatMap((endpoint) => {
      const key = `${endpoint.targetRef?.uid}/${endpoint.addresses[0]}`;
      const current = unplaced.get(key);
      unplaced.delete(key);
      return current === undefined ? [] : [current];
    }),
  }));
  for (const draft of drafts) {
    for (const [key, endpoint] of unplaced) {
      if (draft.endpoints.length >= maxEndpoints) break;
      draft.endpoints.push(endpoint);
      unplaced.delete(key);
    }
  }
  const full = [...unplaced.values()];
  const mustKeepOne = group.endpoints.size === 0;
  for (const [i, { slice, endpoints }] of drafts.entries()) {
    if (endpoints.length === 0 && !(mustKeepOne && i === 0)) plan.remove.push(slice);
    else if (differs(slice, endpoints, service)) plan.update.push(withContent(slice, endpoints, state));
  }
  for (
    let start = 0;
    start < full.length || (mustKeepOne && drafts.length === 0 && start === 0);
    start += maxEndpoints
  ) {
    plan.create.push(
      newSlice(state, { type, ports: group.ports, endpoints: full.slice(start, start + maxEndpoints) }),
    );
  }
}

function differs(slice: EndpointSlice, endpoints: readonly Endpoint[], service: Service): boolean {
  return !deepEqual(slice.endpoints ?? [], endpoints) || !deepEqual(slice.metadata.labels, labelsOf(service));
}

function withContent(
  slice: EndpointSlice,
  endpoints: Endpoint[],
  { service, triggerTime }: ServiceState,
): EndpointSlice {
  const { annotations, ...metadata } = slice.metadata;
  return {
    ...slice,
    metadata: {
      ...metadata,
      labels: labelsOf(service),
      ...annotated(withTriggerTime(annotations, triggerTime)),
    },
    endpoints,
  };
}

function newSlice(
  { service, triggerTime }: ServiceState,
  { type, ports, endpoints }: { type: AddressType; ports: EndpointPort[]; endpoints: Endpoint[] },
): NewObject<EndpointSlice> {
  const { namespace, name } = service.metadata;
  const ownerReferences = [controllerReference(service, { apiVersion: 'v1', kind: 'Service' })];
  const annotations = annotated(withTriggerTime(undefined, triggerTime));
  return {
    metadata: {
      ...{ generateName: `${name}-`, namespace, labels: labelsOf(service), ownerReferences },
      ...annotations,
    },
    addressType: type,
    endpoints,
    ports,
  };
}

function annotated(annotations: Record<string, string> | undefined): {
  annotations?: Record<string, string>;
} {
  return annotations === undefined ? {} : { annotations };
}

/** The Service's own labels, and those by which slices are found. */
function labelsOf(service: Service): Record<string, string> {
  const { [headlessLabel]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(service.spec?.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
    [serviceNameLabel]: service.metadata.name,
    [managedByLabel]: managedBy,
  };
}
