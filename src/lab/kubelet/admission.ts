/** Whether a node takes a pod that was bound to it: a scheduler may be wrong, or may not have been asked. */
import type { Pod } from '../../kube/types.ts';
import type { NodeContext } from './node-context.ts';
import type { PodRecord } from './pod-record.ts';
import { podSysctls } from './sysctls.ts';

/** Why the pod is rejected; undefined where it is admitted. */
export function rejection(
  pod: Pod,
  { allocatable, activePods }: Pick<NodeContext, 'allocatable' | 'activePods'>,
): PodRecord['verdict'] {
  const { forbidden } = podSysctls(pod);
  if (forbidden !== undefined) return { reason: 'SysctlForbidden', message: forbidden };
  const used = activePods();
  const capacity = Number(allocatable.pods);
  if (used < capacity) return undefined;
  return {
    reason: 'OutOfpods',
    message: `Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: ${used}, capacity: ${capacity}`,
  };
}
