/**
 * What stores keep of the objects that cluster DNS reads: there may be ten thousand Services with a hundred thousand
 * endpoints. The endpoints of a slice are many small objects, which cost several times what they say: of the ready ones
 * a text is kept, and they are made anew for who reads them.
 */
import type { KubeObject, ObjectMeta } from '../../../kube/meta.ts';
import { type ResourceType, resources } from '../../../kube/resources.ts';
import type { EndpointSlice, Namespace, Pod, Service } from '../../../kube/types.ts';
import { importLabels } from './service-import.ts';

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** By type, as `createInformers` takes it. */
export const keptObjects: ReadonlyMap<ResourceType, (object: KubeObject) => KubeObject> = new Map<
  ResourceType,
  (object: KubeObject) => KubeObject
>([
  [resources.namespaces, ({ metadata }) => ({ metadata: keepMetadata(metadata) }) as Namespace],
  [resources.services, (object) => keepService(object as Service)],
  [resources.endpointSlices, (object) => new ReadySlice(object as EndpointSlice)],
  [resources.pods, (object) => keepPod(object as Pod)],
]);

function keepMetadata({ name, namespace, uid, resourceVersion }: ObjectMeta): ObjectMeta {
  return { name, namespace, uid, resourceVersion } as ObjectMeta;
}

function keepService({ metadata, spec = {}, status }: Service): Service {
  const { type, clusterIP, clusterIPs, externalIPs, externalName, ports } = spec;
  const ingress = status?.loadBalancer?.ingress;
  const kept = {
    metadata: keepMetadata(metadata),
    spec: {
      type,
      clusterIPs: clusterIPs?.length ? clusterIPs : [clusterIP ?? ''],
      ...(externalIPs && { externalIPs }),
      ...(externalName && { externalName }),
      ports: shared((ports ?? []).map(({ name, protocol, port }) => ({ name, protocol, port }))),
    },
  };
  return (ingress ? { ...kept, status: { loadBalancer: { ingress } } } : kept) as Service;
}

function keepPod({ metadata, status }: Pod): Pod {
  const { labels, deletionTimestamp } = metadata;
  return {
    metadata: { ...keepMetadata(metadata), labels, ...(deletionTimestamp && { deletionTimestamp }) },
    status: { podIP: status?.podIP, podIPs: status?.podIPs },
  } as Pod;
}

/** The labels that say whose slice it is. */
const ownerLabels = ['kubernetes.io/service-name', ...Object.values(importLabels)];

export class ReadySlice implements EndpointSlice {
  // Of the type, so the same for all.
  declare readonly apiVersion: 'discovery.k8s.io/v1';
  declare readonly kind: 'EndpointSlice';
  readonly metadata: ObjectMeta;
  readonly addressType: EndpointSlice['addressType'];
  readonly ports: EndpointSlice['ports'];
  /** The ready endpoints: equal texts are equal answers. */
  readonly packed: string;
  /** Of the change that led to this version, ms since the epoch; absent where the slice does not say. */
  declare readonly triggeredAt?: number;

  constructor(slice: EndpointSlice) {
    const { metadata, addressType, ports, endpoints } = slice;
    const labels = Object.entries(metadata.labels ?? {}).filter(([label]) => ownerLabels.includes(label));
    this.metadata = { ...keepMetadata(metadata), labels: Object.fromEntries(labels) };
    this.addressType = addressType;
    this.ports = shared(ports ?? []);
    this.packed = packEndpoints(endpoints);
    const at = triggerTime(slice);
    if (at !== undefined) this.triggeredAt = at;
  }

  get endpoints(): SliceEndpoint[] {
    return (JSON.parse(this.packed) as PackedEndpoint[]).map(([addresses, hostname, podName, zone]) => ({
      addresses: typeof addresses === 'string' ? [addresses] : addresses,
      ...(hostname && { hostname }),
      ...(podName && { targetRef: { name: podName } }),
      ...(zone && { zone }),
    }));
  }
}

const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

/** When what the slice tells of has changed, ms since the epoch, by the controller that wrote it. */
export function triggerTime(slice: EndpointSlice): number | undefined {
  if (slice instanceof ReadySlice) return slice.triggeredAt;
  const at = Date.parse(slice.metadata.annotations?.[triggerAnnotation] ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** What is absent at the end is left out, and 0 before that. */
type PackedEndpoint = [
  addresses: string | string[],
  hostname?: string | 0,
  podName?: string | 0,
  zone?: string | 0,
];

/** What answers may come to depend on: equal texts are equal answers. */
export function packEndpoints(endpoints: EndpointSlice['endpoints'] | null): string {
  return JSON.stringify(
    (endpoints ?? []).flatMap(({ addresses, conditions, hostname, targetRef, zone }) => {
      if (conditions?.ready === false) return [];
      const packed: PackedEndpoint = [addresses.length === 1 ? addresses[0]! : addresses];
      packed.push(hostname || 0, targetRef?.name || 0, zone || 0);
      while (packed.at(-1) === 0) packed.pop();
      return [packed];
    }),
  );
}

const knownPorts = new Map<string, readonly unknown[]>();
const knownPortsLimit = 1000;

/** Most have the ports of many others. */
function shared<T extends readonly unknown[]>(ports: T): T {
  const text = JSON.stringify(ports);
  const known = knownPorts.get(text);
  if (known !== undefined || knownPorts.size >= knownPortsLimit) return (known as T | undefined) ?? ports;
  knownPorts.set(text, ports);
  return ports;
}
