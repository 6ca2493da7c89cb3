/** A Deployment's status, with the conditions that `kubectl rollout status` and `kubectl wait` read. Pure. */
import type { Deployment, ReplicaSet } from '../../../kube/types.ts';
import { type Limits, sizeOf, sum } from './rollout.ts';

export type Condition = NonNullable<NonNullable<Deployment['status']>['conditions']>[number];

export interface StatusInput {
  deployment: Deployment;
  newer: ReplicaSet | undefined;
  /** All of the Deployment's ReplicaSets. */
  all: readonly ReplicaSet[];
  limits: Limits;
  /** ms since the epoch. */
  now: number;
}

export function statusOf(input: StatusInput) {
  const { deployment, newer, all, limits } = input;
  const total = sum(all, (replicaSet) => replicaSet.status?.replicas ?? 0);
  const availableReplicas = sum(all, (replicaSet) => replicaSet.status?.availableReplicas ?? 0);
  const counts = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: total,
    updatedReplicas: newer?.status?.replicas ?? 0,
    readyReplicas: sum(all, (replicaSet) => replicaSet.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - availableReplicas),
    collisionCount: deployment.status?.collisionCount,
  };
  const conditions = [availableCondition(availableReplicas, limits), progressingCondition(input, counts)];
  return { ...counts, conditions: conditions.filter((c) => c !== undefined).map((c) => dated(c, input)) };
}

type Undated = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
type Counts = Pick<
  NonNullable<Deployment['status']>,
  'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'
>;

function availableCondition(available: number, { desired, maxUnavailable }: Limits): Undated {
  return available >= desired - maxUnavailable
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

/** All replicas are of the newest revision and available, and no old pod is left. */
export function isComplete(counts: Counts, desired: number): boolean {
  return (
    counts.updatedReplicas === desired && counts.replicas === desired && counts.availableReplicas === desired
  );
}

function progressingCondition(input: StatusInput, counts: Counts): Undated | undefined {
  const { deployment, newer, limits } = input;
  const before = deployment.status?.conditions?.find((condition) => condition.type === 'Progressing');
  const subject = newer ? `ReplicaSet "${newer.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  const progressing = (status: 'True' | 'False' | 'Unknown', reason: string, message: string): Undated => ({
    type: 'Progressing',
    status,
    reason,
    message,
  });
  if (deployment.spec?.paused) return progressing('Unknown', 'DeploymentPaused', 'Deployment is paused');
  if (before?.reason === 'DeploymentPaused') {
    return progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }
  // Once complete it stays so: a pod that fails later is not a rollout.
  const observed = deployment.status?.observedGeneration === deployment.metadata.generation;
  const wasComplete = before?.reason === 'NewReplicaSetAvailable' && observed;
  if (isComplete(counts, limits.desired) && newer !== undefined) {
    return progressing('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`);
  }
  if (wasComplete && counts.updatedReplicas === counts.replicas) return before;
  if (before === undefined) {
    return (
      newer && progressing('True', 'NewReplicaSetCreated', `Created new replica set "${newer.metadata.name}"`)
    );
  }
  if (hasProgressed(deployment, counts) || wasComplete)
    return progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`);
  if (before.reason !== 'ProgressDeadlineExceeded' && msToDeadline(deployment, input.now) === 0) {
    return progressing('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`);
  }
  return before;
}

/** More new or available pods, or fewer old ones, than the last status said. */
export function hasProgressed(deployment: Deployment, now: Counts): boolean {
  const before = deployment.status ?? {};
  const old = (counts: Counts) => (counts.replicas ?? 0) - (counts.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

/** How long a rollout under way may still go without progress; undefined where none is under way. */
export function msToDeadline(deployment: Deployment, now: number): number | undefined {
  const condition = deployment.status?.conditions?.find(({ type }) => type === 'Progressing');
  const underWay = ['NewReplicaSetCreated', 'ReplicaSetUpdated', 'FoundNewReplicaSet', 'DeploymentResumed'];
  if (condition === undefined || !underWay.includes(condition.reason ?? '')) return undefined;
  const since = Date.parse(condition.lastUpdateTime ?? '');
  return Math.max(0, since + (deployment.spec?.progressDeadlineSeconds ?? 600) * 1000 - now);
}

/** Times change only with what they are of: a status that says nothing new is not written. */
function dated(condition: Undated, { deployment, now, newer }: StatusInput): Condition {
  const before = deployment.status?.conditions?.find(({ type }) => type === condition.type);
  const time = `${new Date(now).toISOString().slice(0, 19)}Z`;
  const same = before?.status === condition.status && before.reason === condition.reason;
  const renewed = condition.reason === 'ReplicaSetUpdated' && newer !== undefined && condition !== before;
  const { type, status, reason, message } = condition;
  return {
    type,
    status,
    reason,
    message: same && !renewed ? before.message : message,
    lastUpdateTime: same && !renewed ? before.lastUpdateTime : time,
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : time,
  };
}
