/** What a Deployment does next: ReplicaSets to make, size, annotate and delete, and its status. Pure. */

import { deepEqual } from '../../../kube/deep-equal.ts';
import type { NewObject } from '../../../kube/meta.ts';
import { apiVersionOf, resources } from '../../../kube/resources.ts';
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { controllerReference } from '../pods/pod-template.ts';
import { isComplete, msToDeadline, statusOf } from './conditions.ts';
import {
  annotationsOfNew,
  findNewReplicaSet,
  hashLabel,
  nameHash,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from './revision.ts';
import { isScaling, limitsOf, newSize, rollingStep, type Sizes, scaleSizes, sizeOf, sum } from './rollout.ts';

export interface DeploymentState {
  deployment: Deployment;
  /** Those it owns. */
  replicaSets: readonly ReplicaSet[];
  /** Whether a pod of the ReplicaSet still exists and has not finished. */
  hasPods: (replicaSet: ReplicaSet) => boolean;
  now: number;
}

export interface ReplicaSetUpdate {
  replicaSet: ReplicaSet;
  replicas: number;
  annotations: Record<string, string>;
}

export interface DeploymentPlan {
  create: NewObject<ReplicaSet> | undefined;
  update: ReplicaSetUpdate[];
  remove: ReplicaSet[];
  /** The Deployment's revision annotation, where it must change. */
  revision: string | undefined;
  status: ReturnType<typeof statusOf>;
  /** When the progress deadline passes. */
  recheckMs: number | undefined;
}

const reference = { apiVersion: apiVersionOf(resources.deployments), kind: resources.deployments.kind };

export function planDeployment(state: DeploymentState): DeploymentPlan {
  const { deployment, replicaSets, now } = state;
  const limits = limitsOf(deployment);
  const newer = findNewReplicaSet(deployment, replicaSets);
  const old = replicaSets.filter((replicaSet) => replicaSet !== newer);
  const status = statusOf({ deployment, newer, all: replicaSets, limits, now });
  const plan: DeploymentPlan = {
    create: undefined,
    update: [],
    remove: [],
    revision: undefined,
    status,
    recheckMs: undefined,
  };
  if (deployment.metadata.deletionTimestamp !== undefined) return plan;
  plan.recheckMs = msToDeadline({ ...deployment, status: status as Deployment['status'] }, now);

  const maxReplicas = limits.desired + limits.maxSurge;
  const paused = deployment.spec?.paused === true;
  const rolling = (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
  const scaling = isScaling(replicaSets, limits);
  const annotations = annotationsOfNew(deployment, newer, { oldReplicaSets: old, maxReplicas });
  let sizes: Sizes = new Map();
  if (paused || scaling) sizes = scaleSizes(newer, old, { limits, rolling });
  else if (newer === undefined) plan.create = firstStep(state, { old, annotations });
  else
    sizes = rolling
      ? rollingStep(newer, old, limits)
      : recreateStep(newer, old, { desired: limits.desired, state });

  if (newer === undefined && !rolling && plan.create === undefined && !scaling && !paused)
    sizes = downTo(old, 0);
  plan.update = updatesOf(sizes, {
    newer,
    old,
    annotations,
    size: sizeAnnotations(deployment, maxReplicas),
    paused,
  });
  if (newer !== undefined && isComplete(status, limits.desired))
    plan.remove = surplusHistory(deployment, old);
  const revision = plan.create || newer ? annotations[revisionAnnotation] : undefined;
  if (!paused && revision !== undefined && revision !== String(revisionOf(deployment)))
    plan.revision = revision;
  return plan;
}

/** The new ReplicaSet, as large as may be at once; with Recreate not before all old pods are gone. */
function firstStep(
  { deployment, hasPods }: DeploymentState,
  { old, annotations }: { old: readonly ReplicaSet[]; annotations: Record<string, string> },
): NewObject<ReplicaSet> | undefined {
  const limits = limitsOf(deployment);
  const recreate = deployment.spec?.strategy?.type === 'Recreate';
  if (recreate && (old.some((replicaSet) => sizeOf(replicaSet) > 0) || old.some(hasPods))) return undefined;
  const { name, namespace } = deployment.metadata;
  const hash = nameHash(deployment);
  const { template, selector, minReadySeconds } = deployment.spec!;
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations,
      ownerReferences: [controllerReference(deployment, reference)],
    },
    spec: {
      replicas: newSize(0, recreate ? [] : old, limits),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

function recreateStep(
  newer: ReplicaSet,
  old: readonly ReplicaSet[],
  { desired, state }: { desired: number; state: DeploymentState },
): Sizes {
  if (sum(old, sizeOf) > 0) return downTo(old, 0);
  if (old.some(state.hasPods) || sizeOf(newer) === desired) return new Map();
  return new Map([[newer, desired]]);
}

function downTo(replicaSets: readonly ReplicaSet[], size: number): Sizes {
  return new Map(
    replicaSets.filter((replicaSet) => sizeOf(replicaSet) > size).map((replicaSet) => [replicaSet, size]),
  );
}

interface UpdateInput {
  newer: ReplicaSet | undefined;
  old: readonly ReplicaSet[];
  annotations: Record<string, string>;
  size: Record<string, string>;
  paused: boolean;
}

/** ReplicaSets whose size or annotations must change. */
function updatesOf(sizes: Sizes, { newer, old, annotations, size, paused }: UpdateInput): ReplicaSetUpdate[] {
  const all = newer === undefined ? old : [newer, ...old];
  return all
    .map((replicaSet) => {
      const replicas = sizes.get(replicaSet) ?? sizeOf(replicaSet);
      const own = replicaSet.metadata.annotations ?? {};
      const isNew = replicaSet === newer && !paused;
      const marks = replicas > 0 || sizes.has(replicaSet) ? { ...own, ...size } : own;
      return { replicaSet, replicas, annotations: isNew ? annotations : marks };
    })
    .filter(
      ({ replicaSet, replicas, annotations }) =>
        replicas !== sizeOf(replicaSet) || !deepEqual(annotations, replicaSet.metadata.annotations ?? {}),
    );
}

/** Old ReplicaSets beyond revisionHistoryLimit, the oldest first, none that still has pods. */
function surplusHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const surplus = old.length - (deployment.spec?.revisionHistoryLimit ?? 10);
  if (surplus <= 0) return [];
  return [...old]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .filter(
      (replicaSet) =>
        sizeOf(replicaSet) === 0 && !replicaSet.status?.replicas && !replicaSet.metadata.deletionTimestamp,
    );
}
