/** A StatefulSet's pods: stable names, ordinals, the labels and host names that go with them. Pure. */
import type { NewObject } from '../../../kube/meta.ts';
import type { Pod, PodTemplateSpec, StatefulSet } from '../../../kube/types.ts';
import { controllerReference, podOf } from '../pods/pod-template.ts';
import { revisionLabel } from '../revisions/revision-history.ts';

export const reference = { apiVersion: 'apps/v1', kind: 'StatefulSet' };

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** The ordinal in a pod's name; undefined where it is no name of this set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name } = pod.metadata;
  const prefix = `${set.metadata.name}-`;
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : undefined;
}

export interface PodVersion {
  /** Name of the ControllerRevision. */
  revision: string;
  template: PodTemplateSpec;
}

export function newPod(
  set: StatefulSet,
  ordinal: number,
  { revision, template }: PodVersion,
): NewObject<Pod> {
  const { namespace } = set.metadata;
  const name = podName(set, ordinal);
  const pod = podOf(template, { namespace, owner: controllerReference(set, reference) });
  const labels = {
    ...pod.metadata.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionLabel]: revision,
  };
  const spec = { ...pod.spec!, hostname: name, subdomain: set.spec?.serviceName };
  if (spec.subdomain === undefined || spec.subdomain === '') delete spec.subdomain;
  return {
    ...pod,
    metadata: { ...pod.metadata, name, labels },
    spec: { ...spec, volumes: volumesOf(set, spec) },
  };
}

/** There are no persistent volumes here: a claim of the set is an empty directory of the pod's. */
function volumesOf(set: StatefulSet, spec: NonNullable<Pod['spec']>): NonNullable<Pod['spec']>['volumes'] {
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  const own = (spec.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  return [...own, ...claims.map((name) => ({ name, emptyDir: {} }))];
}
