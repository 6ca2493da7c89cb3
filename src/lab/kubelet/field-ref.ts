/** The downward API: fields of a pod and resources of a container, as text. */

import { inUnits } from '../../kube/quantity.ts';
import type { Container, Pod } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';

export interface FieldContext {
  pod: Pod;
  hostIps: readonly string[];
  podIps: readonly string[];
  /** What a container without limits may use. */
  allocatable: { cpu: string; memory: string };
}

/**
 * The text of a field path. Labels and annotations as a whole come as lines of key="value", sorted.
 * @throws TendrilError BAD_INPUT for a path that Kubernetes does not offer
 */
export function fieldValue(path: string, context: FieldContext): string {
  const { metadata } = context.pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  const field = fields[path];
  if (field === undefined) throw new TendrilError('BAD_INPUT', `unsupported fieldPath: ${path}`);
  return field(context);
}

const fields: Record<string, (context: FieldContext) => string> = {
  'metadata.name': ({ pod }) => pod.metadata.name,
  'metadata.namespace': ({ pod }) => pod.metadata.namespace ?? '',
  'metadata.uid': ({ pod }) => pod.metadata.uid,
  'metadata.labels': ({ pod }) => mapText(pod.metadata.labels),
  'metadata.annotations': ({ pod }) => mapText(pod.metadata.annotations),
  'spec.nodeName': ({ pod }) => pod.spec?.nodeName ?? '',
  'spec.serviceAccountName': ({ pod }) => pod.spec?.serviceAccountName ?? 'default',
  'status.hostIP': ({ hostIps }) => hostIps[0] ?? '',
  'status.hostIPs': ({ hostIps }) => hostIps.join(','),
  'status.podIP': ({ podIps }) => podIps[0] ?? '',
  'status.podIPs': ({ podIps }) => podIps.join(','),
};

function mapText(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

export interface ResourceRef {
  resource: string;
  divisor?: string | number;
  containerName?: string;
}

/**
 * A container's limit or request in units of the divisor. Where there is no limit it is what the node can give; no
 * request means the limit, else 0.
 * @throws TendrilError BAD_INPUT for a resource that Kubernetes does not offer
 */
export function resourceValue(ref: ResourceRef, container: Container, context: FieldContext): string {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(ref.resource);
  if (!match) throw new TendrilError('BAD_INPUT', `unsupported container resource: ${ref.resource}`);
  const [, which, name] = match as unknown as [string, 'limits' | 'requests', string];
  const { limits, requests } = container.resources ?? {};
  const fallback = which === 'limits' ? context.allocatable[name as 'cpu' | 'memory'] : limits?.[name];
  const value = (which === 'limits' ? limits : requests)?.[name] ?? fallback ?? '0';
  return inUnits(value, ref.divisor);
}
