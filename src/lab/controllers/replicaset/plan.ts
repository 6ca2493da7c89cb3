/** What a ReplicaSet needs: pods to make, pods to delete, its status. Pure. */
import type { Pod, ReplicaSet } from '../../../kube/types.ts';
import { inDeletionOrder } from '../pods/deletion-order.ts';
import { isActive, isReady, msUntilAvailable } from '../pods/pod-state.ts';

export interface ReplicaSetState {
  replicaSet: ReplicaSet;
  /** The pods it owns. */
  pods: readonly Pod[];
  /** How many pods of the same Deployment are on a node. */
  crowd: (nodeName: string) => number;
  /** False while the stores lag behind what was asked for: then nothing is made or deleted. */
  settled: boolean;
  /** ms since the epoch. */
  now: number;
}

export interface ReplicaSetPlan {
  create: number;
  remove: Pod[];
  status: NonNullable<ReplicaSet['status']>;
  /** When a ready pod becomes available by time alone. */
  recheckMs: number | undefined;
}

/** Kubernetes makes no more than this many pods of one ReplicaSet at a time. */
const burst = 500;

export function planReplicaSet(state: ReplicaSetState): ReplicaSetPlan {
  const { replicaSet, pods, settled, now } = state;
  const active = pods.filter(isActive);
  const wanted = replicaSet.spec?.replicas ?? 1;
  const frozen = !settled || replicaSet.metadata.deletionTimestamp !== undefined;
  const surplus = Math.min(active.length - wanted, burst);
  const waits = active.map((pod) => msUntilAvailable(pod, replicaSet.spec?.minReadySeconds ?? 0, now));
  const pending = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
  return {
    create: frozen ? 0 : Math.max(0, Math.min(wanted - active.length, burst)),
    remove: frozen || surplus <= 0 ? [] : inDeletionOrder(active, state.crowd, now).slice(0, surplus),
    status: statusOf(replicaSet, active, waits.filter((ms) => ms === 0).length),
    recheckMs: pending.length === 0 ? undefined : Math.min(...pending),
  };
}

function statusOf(
  replicaSet: ReplicaSet,
  active: Pod[],
  availableReplicas: number,
): ReplicaSetPlan['status'] {
  const labels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {});
  const isLabeled = (pod: Pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(isLabeled).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas,
    observedGeneration: replicaSet.metadata.generation ?? 0,
  };
}
