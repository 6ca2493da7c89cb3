/**
 * Which pods go first when there are too many: those whose loss hurts least. The order is that of Kubernetes'
 * ActivePodsWithRanks (pkg/controller/controller_utils.go).
 */
import type { Pod } from '../../../kube/types.ts';
import { conditionOf, isReady } from './pod-state.ts';

type Comparison = (a: Pod, b: Pod) => number;

const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const flag = (value: boolean) => (value ? 1 : 0);

/** The pods in order of deletion. `crowd` says how many related pods are on a node: the most crowded give first. */
export function inDeletionOrder(
  pods: readonly Pod[],
  crowd: (nodeName: string) => number,
  now: number,
): Pod[] {
  const rank = new Map(pods.map((pod) => [pod, pod.spec?.nodeName ? crowd(pod.spec.nodeName) : 0]));
  const order: Comparison[] = [
    by((pod) => flag(Boolean(pod.spec?.nodeName))),
    by((pod) => phaseRank[pod.status?.phase ?? 'Unknown'] ?? 1),
    by((pod) => flag(isReady(pod))),
    by(deletionCost),
    by((pod) => -rank.get(pod)!),
    // Pods ready for about equally long (on a logarithmic scale) count as equal: what went wrong, went for all.
    by((pod) => ageRank(isReady(pod) ? conditionOf(pod, 'Ready')?.lastTransitionTime : undefined, now)),
    by((pod) => -restarts(pod)),
    by((pod) => ageRank(pod.metadata.creationTimestamp, now)),
    (a, b) => (a.metadata.uid < b.metadata.uid ? -1 : 1),
  ];
  return [...pods].sort((a, b) => {
    for (const compare of order) {
      const result = compare(a, b);
      if (result !== 0) return result;
    }
    return 0;
  });
}

function by(value: (pod: Pod) => number): Comparison {
  return (a, b) => value(a) - value(b);
}

function deletionCost(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

/** Younger is lower; absent is lowest. */
function ageRank(time: string | undefined, now: number): number {
  if (time === undefined) return -1;
  return Math.floor(Math.log2(Math.max(1, (now - Date.parse(time)) / 1000)));
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount ?? 0));
}
