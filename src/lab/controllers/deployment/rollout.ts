/**
 * How many replicas each ReplicaSet of a Deployment should have next. Pure.
 * Source: kubernetes pkg/controller/deployment/{rolling,recreate,sync}.go.
 */
import { scaledValue } from '../../../kube/int-or-string.ts';
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { desiredReplicasOf, maxReplicasOf } from './revision.ts';

/** Sizes to come, by ReplicaSet; those not named stay as they are. */
export type Sizes = Map<ReplicaSet, number>;

export interface Limits {
  desired: number;
  maxSurge: number;
  maxUnavailable: number;
}

/** Both limits cannot be zero, or nothing could move; then one pod may be missing. */
export function limitsOf(deployment: Deployment): Limits {
  const desired = deployment.spec?.replicas ?? 1;
  const { type = 'RollingUpdate', rollingUpdate } = deployment.spec?.strategy ?? {};
  if (type === 'Recreate') return { desired, maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = scaledValue(rollingUpdate?.maxSurge ?? '25%', desired, 'up');
  let maxUnavailable = scaledValue(rollingUpdate?.maxUnavailable ?? '25%', desired, 'down');
  if (maxSurge === 0 && maxUnavailable === 0) maxUnavailable = 1;
  return { desired, maxSurge, maxUnavailable: Math.min(maxUnavailable, desired) };
}

export const sizeOf = (replicaSet: ReplicaSet): number => replicaSet.spec?.replicas ?? 1;
/** No more than it is to have: the status may be older than the size. */
const availableOf = (replicaSet: ReplicaSet) =>
  Math.min(replicaSet.status?.availableReplicas ?? 0, sizeOf(replicaSet));

export function sum(replicaSets: readonly ReplicaSet[], value: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + value(replicaSet), 0);
}

/** The size of the new ReplicaSet: as far up as maxSurge lets it. `old` are the others. */
export function newSize(current: number, old: readonly ReplicaSet[], limits: Limits): number {
  const { desired, maxSurge } = limits;
  if (current >= desired) return desired;
  const room = desired + maxSurge - sum(old, sizeOf) - current;
  return room <= 0 ? current : Math.min(desired, current + room);
}

/** One step of a rolling update. */
export function rollingStep(newer: ReplicaSet, old: readonly ReplicaSet[], limits: Limits): Sizes {
  const grown = newSize(sizeOf(newer), old, limits);
  if (grown !== sizeOf(newer)) return new Map([[newer, grown]]);
  return shrinkOld(
    newer,
    old.filter((replicaSet) => sizeOf(replicaSet) > 0),
    limits,
  );
}

/** Old pods that are not available go first, since nobody misses them; then as many as maxUnavailable allows. */
function shrinkOld(
  newer: ReplicaSet,
  old: readonly ReplicaSet[],
  { desired, maxUnavailable }: Limits,
): Sizes {
  const sizes: Sizes = new Map();
  const minAvailable = desired - maxUnavailable;
  const newUnavailable = sizeOf(newer) - availableOf(newer);
  const all = [...old, newer];
  let unhealthyBudget = sum(all, sizeOf) - minAvailable - newUnavailable;
  if (unhealthyBudget <= 0) return sizes;
  const oldest = [...old].sort((a, b) =>
    a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1,
  );
  for (const replicaSet of oldest) {
    const unhealthy = Math.min(unhealthyBudget, Math.max(0, sizeOf(replicaSet) - availableOf(replicaSet)));
    unhealthyBudget -= unhealthy;
    if (unhealthy > 0) sizes.set(replicaSet, sizeOf(replicaSet) - unhealthy);
  }
  let budget = sum(all, availableOf) - minAvailable;
  for (const replicaSet of oldest) {
    if (budget <= 0) break;
    const size = sizes.get(replicaSet) ?? sizeOf(replicaSet);
    const removed = Math.min(budget, size);
    budget -= removed;
    if (removed > 0) sizes.set(replicaSet, size - removed);
  }
  return sizes;
}

/** Whether spec.replicas changed since the ReplicaSets were last sized. */
export function isScaling(replicaSets: readonly ReplicaSet[], limits: Limits): boolean {
  return replicaSets.some((replicaSet) => {
    const desired = desiredReplicasOf(replicaSet);
    return sizeOf(replicaSet) > 0 && desired !== undefined && desired !== limits.desired;
  });
}

/**
 * Sizes after a change of spec.replicas. In the middle of a rolling update the difference is shared out in
 * proportion to the sizes, so that the update neither loses nor gains ground.
 */
export function scaleSizes(
  newer: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  { limits, rolling }: { limits: Limits; rolling: boolean },
): Sizes {
  const all = newer === undefined ? [...old] : [newer, ...old];
  const active = all.filter((replicaSet) => sizeOf(replicaSet) > 0);
  const only = active.length === 0 ? newer : active.length === 1 ? active[0] : undefined;
  if (only !== undefined)
    return sizeOf(only) === limits.desired ? new Map() : new Map([[only, limits.desired]]);
  if (newer !== undefined && isSaturated(newer, limits)) {
    return new Map(old.filter((replicaSet) => sizeOf(replicaSet) > 0).map((replicaSet) => [replicaSet, 0]));
  }
  return rolling ? proportional(active, limits) : new Map();
}

function isSaturated(newer: ReplicaSet, { desired }: Limits): boolean {
  return sizeOf(newer) === desired && desiredReplicasOf(newer) === desired && availableOf(newer) === desired;
}

function proportional(active: readonly ReplicaSet[], { desired, maxSurge }: Limits): Sizes {
  const total = sum(active, sizeOf);
  const allowed = desired > 0 ? desired + maxSurge : 0;
  let rest = allowed - total;
  const growing = rest > 0;
  const newestFirst = [...active].sort((a, b) =>
    a.metadata.creationTimestamp > b.metadata.creationTimestamp ? -1 : 1,
  );
  const largestFirst = newestFirst.sort((a, b) => sizeOf(b) - sizeOf(a));
  const sizes: Sizes = new Map();
  for (const replicaSet of largestFirst) {
    const size = sizeOf(replicaSet);
    const share = Math.round((size * allowed) / (maxReplicasOf(replicaSet) ?? total)) - size;
    const change = growing ? Math.min(rest, Math.max(0, share)) : Math.max(rest, Math.min(0, share));
    rest -= change;
    sizes.set(replicaSet, size + change);
  }
  const first = largestFirst[0];
  if (first !== undefined && rest !== 0) sizes.set(first, Math.max(0, sizes.get(first)! + rest));
  return sizes;
}
