/**
 * What a store keeps of Pods, for policies: a node reads all of the cluster. Most pods are like many others in labels and
 * ports, which are therefore shared; `PodIndex` also sees by it that they are the same.
 */
import type { ObjectMeta } from '../kube/meta.ts';
import type { Container, Pod } from '../kube/types.ts';
import { stayingContainers } from './model/identity.ts';
import { mirrorAnnotation } from './model/same-pod.ts';

/** Its names, labels, creation, node, named ports, phase and addresses. Init containers that stay count as containers. */
export function keepPod({ metadata, spec, status }: Pod): Pod {
  const { podIP, podIPs = podIP ? [{ ip: podIP }] : [], phase } = status ?? {};
  const { nodeName, hostNetwork } = spec ?? {};
  const containers = shared(containersOf(spec));
  return {
    metadata: keepMetadata(metadata),
    // Of a pod with its node's network nothing else is read.
    spec: hostNetwork ? { nodeName, hostNetwork, containers } : { nodeName, containers },
    status: podIPs.length > 0 ? { phase, podIPs: podIPs.map(({ ip }) => ({ ip })) } : { phase },
  } as Pod;
}

function keepMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, labels, annotations } = metadata;
  const mirrored = annotations?.[mirrorAnnotation];
  const kept = {
    ...{ name, namespace, uid, resourceVersion, creationTimestamp },
    ...(mirrored !== undefined && { annotations: { [mirrorAnnotation]: mirrored } }),
  };
  return (labels ? { ...kept, labels: shared(labels) } : kept) as ObjectMeta;
}

/** One, with all named ports. */
function containersOf(spec: Pod['spec']): Pick<Container, 'name' | 'ports'>[] {
  const ports = stayingContainers(spec).flatMap((container) => container.ports ?? []);
  const named = ports.flatMap(({ name, protocol, containerPort }) =>
    name ? [{ name, ...(protocol && { protocol }), containerPort }] : [],
  );
  return named.length > 0 ? [{ name: '', ports: named }] : [];
}

let known = new Map<string, object>();
/** Of labels of pods that are gone nothing must stay. */
const knownLimit = 20_000;

function shared<T extends object>(value: T): T {
  const text = JSON.stringify(value);
  const same = known.get(text);
  if (same !== undefined) return same as T;
  if (known.size >= knownLimit) known = new Map();
  known.set(text, Object.freeze(value));
  return value;
}
