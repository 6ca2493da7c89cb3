/**
 * What a node keeps of Services and EndpointSlices: there may be 30,000 of each, and most of an object is nobody's
 * business here. Endpoints are many small objects, which cost several times what they say: they are kept as text and made
 * anew for who reads them, once for each change of their Service.
 */
import type { KubeObject, ObjectMeta } from '../../kube/meta.ts';
import { type ResourceType, resources } from '../../kube/resources.ts';
import type { EndpointSlice, Service } from '../../kube/types.ts';

type Keep = (object: KubeObject) => KubeObject;

/** By type: what a store of it should keep of an object. */
export const keptObjects: ReadonlyMap<ResourceType, Keep> = new Map<ResourceType, Keep>([
  [resources.services, (object) => keepService(object as Service)],
  [resources.endpointSlices, (object) => new KeptSlice(object as EndpointSlice)],
]);

/** Without its selector, its wish for families, and the conditions of its status. */
export function keepService({ metadata, spec, status }: Service): Service {
  const { selector, ipFamilies, ipFamilyPolicy, ...read } = spec ?? {};
  const { loadBalancer } = status ?? {};
  const kept = { metadata: keepMetadata(metadata), spec: read };
  return (loadBalancer?.ingress ? { ...kept, status: { loadBalancer } } : kept) as Service;
}

export class KeptSlice implements EndpointSlice {
  // Of the type, so the same for all.
  declare readonly apiVersion: 'discovery.k8s.io/v1';
  declare readonly kind: 'EndpointSlice';
  readonly metadata: ObjectMeta;
  readonly addressType: EndpointSlice['addressType'];
  readonly ports: EndpointSlice['ports'];
  readonly #endpoints: string;

  constructor({ metadata, addressType, ports, endpoints }: EndpointSlice) {
    this.metadata = keepMetadata(metadata);
    this.addressType = addressType;
    this.ports = shared(ports);
    this.#endpoints = JSON.stringify((endpoints ?? []).map(pack));
  }

  get endpoints(): SliceEndpoint[] {
    return (JSON.parse(this.#endpoints) as PackedEndpoint[]).map(unpack);
  }
}

/** What is not here was not needed so far; what says who and when in the object's life is not read on a node. */
function keepMetadata({
  name,
  namespace,
  uid,
  resourceVersion,
  labels,
  annotations,
}: ObjectMeta): ObjectMeta {
  const kept = { name, namespace, uid, resourceVersion, labels };
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...read } = annotations ?? {};
  return (Object.keys(read).length > 0 ? { ...kept, annotations: read } : kept) as ObjectMeta;
}

const knownPorts = new Map<string, EndpointSlice['ports']>();
const knownPortsLimit = 1000;

/** Most slices have the ports of many others. */
function shared(ports: EndpointSlice['ports']): EndpointSlice['ports'] {
  const text = JSON.stringify(ports ?? []);
  const known = knownPorts.get(text);
  if (known !== undefined || knownPorts.size >= knownPortsLimit) return known ?? ports;
  knownPorts.set(text, ports);
  return ports;
}

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];
type Target = NonNullable<SliceEndpoint['targetRef']>;

/** Its fields in the order of `pack`; what is absent at the end is left out, and null before that. */
type PackedEndpoint = [
  addresses: string[],
  conditions: string,
  nodeName?: string | null,
  targetRef?: (string | null | undefined)[] | null,
  hints?: SliceEndpoint['hints'],
];

function pack({ addresses, conditions: given, nodeName, targetRef, hints }: SliceEndpoint): PackedEndpoint {
  const conditions = given ?? {};
  const target = targetRef && targetFields.map((field) => targetRef[field]);
  const told = conditionNames.map((name) => letterOf(conditions[name])).join('');
  return hints ? [addresses, told, nodeName, target, hints] : [addresses, told, nodeName, target];
}

function unpack([addresses, told, nodeName, target, hints]: PackedEndpoint): SliceEndpoint {
  const endpoint: SliceEndpoint = { addresses, conditions: conditionsOf(told) };
  if (nodeName) endpoint.nodeName = nodeName;
  if (target) endpoint.targetRef = targetOf(target);
  if (hints) endpoint.hints = hints;
  return endpoint;
}

function targetOf(values: readonly (string | null | undefined)[]): Target {
  return Object.fromEntries(targetFields.map((field, i) => [field, values[i] ?? undefined]));
}

/** There are few, so that they are shared. */
const knownConditions = new Map<string, SliceEndpoint['conditions']>();

function conditionsOf(told: string): SliceEndpoint['conditions'] {
  let conditions = knownConditions.get(told);
  if (conditions === undefined) {
    const known = conditionNames.map((name, i) => [name, told[i] === 'T', told[i] !== '-'] as const);
    conditions = Object.freeze(
      Object.fromEntries(known.flatMap(([name, is, given]) => (given ? [[name, is]] : []))),
    );
    knownConditions.set(told, conditions);
  }
  return conditions;
}

const targetFields = ['kind', 'namespace', 'name', 'uid'] as const;
const conditionNames = ['ready', 'serving', 'terminating'] as const;

function letterOf(condition: boolean | undefined | null): string {
  return condition === undefined || condition === null ? '-' : condition ? 'T' : 'F';
}
