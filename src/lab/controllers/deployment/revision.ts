/** Which ReplicaSet is which revision of its Deployment. Source: kubernetes pkg/controller/deployment/util. */
import { stableJson } from '../../../kube/deep-equal.ts';
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { shortHash, templateHash } from '../pods/pod-template.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** Annotations of a Deployment that say something about it alone. */
const notInherited = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
]);

export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

/** The ReplicaSet whose template is the Deployment's, the oldest if there are several. */
export function findNewReplicaSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const wanted = templateHash(deployment.spec!.template, hashLabel);
  return [...replicaSets]
    .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
    .find((replicaSet) => templateHash(replicaSet.spec!.template!, hashLabel) === wanted);
}

/** The hash in a new ReplicaSet's name; the collision count changes it where the name is taken by another template. */
export function nameHash(deployment: Deployment): string {
  const count = deployment.status?.collisionCount ?? 0;
  const hash = templateHash(deployment.spec!.template, hashLabel);
  return count === 0 ? hash : shortHash(stableJson([hash, count]));
}

/** What the annotations of the new ReplicaSet must be: inherited ones, its revision, and the size it belongs to. */
export function annotationsOfNew(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  { oldReplicaSets, maxReplicas }: { oldReplicaSets: readonly ReplicaSet[]; maxReplicas: number },
): Record<string, string> {
  const inherited = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([key]) => !notInherited.has(key),
  );
  const newest = Math.max(0, ...oldReplicaSets.map(revisionOf)) + 1;
  const before = current === undefined ? 0 : revisionOf(current);
  const history = current?.metadata.annotations?.[historyAnnotation];
  const past = [
    ...(history ? history.split(',') : []),
    ...(before > 0 && before < newest ? [String(before)] : []),
  ];
  return {
    ...current?.metadata.annotations,
    ...Object.fromEntries(inherited),
    [revisionAnnotation]: String(Math.max(newest, before)),
    ...(past.length > 0 ? { [historyAnnotation]: past.join(',') } : {}),
    ...sizeAnnotations(deployment, maxReplicas),
  };
}

/** By these a change of spec.replicas is told from the steps of a rollout. */
export function sizeAnnotations(deployment: Deployment, maxReplicas: number): Record<string, string> {
  return {
    [desiredAnnotation]: String(deployment.spec?.replicas ?? 1),
    [maxAnnotation]: String(maxReplicas),
  };
}

export function desiredReplicasOf(replicaSet: ReplicaSet): number | undefined {
  const text = replicaSet.metadata.annotations?.[desiredAnnotation];
  return text === undefined ? undefined : Number(text);
}

export function maxReplicasOf(replicaSet: ReplicaSet): number | undefined {
  const text = replicaSet.metadata.annotations?.[maxAnnotation];
  return text === undefined ? undefined : Number(text);
}
