/** Whether a container that ended runs again, and what that means for its pod's end. */
import type { Pod } from '../../kube/types.ts';
import type { ContainerRecord, PodRecord } from './pod-record.ts';

type Policy = 'Always' | 'OnFailure' | 'Never';

/** The container's own policy (KEP-5307) before the pod's; sidecars always run, ephemeral ones once, init containers until they succeed. */
export function restartPolicyOf(pod: Pod, container: ContainerRecord): Policy {
  if (container.kind === 'sidecar') return 'Always';
  if (container.kind === 'ephemeral') return 'Never';
  const policy = (container.spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') as Policy;
  return container.kind === 'init' && policy === 'Always' ? 'OnFailure' : policy;
}

export function mayRestart(pod: Pod, container: ContainerRecord): boolean {
  const exitCode = container.termination?.exitCode ?? 0;
  if (container.kind === 'init' && exitCode === 0) return false;
  for (const rule of container.spec.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    const matches = rule.exitCodes?.operator === 'NotIn' ? !listed : listed;
    if (matches && rule.action === 'Restart') return true;
  }
  const policy = restartPolicyOf(pod, container);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** It ended and will not run again. */
export function isDone(pod: Pod, container: ContainerRecord): boolean {
  return container.state === 'terminated' && !mayRestart(pod, container);
}

/** An init container failed for good: nothing after it will ever run. */
export function hasFailedInit(pod: Pod, record: PodRecord): boolean {
  return record.containers.some(
    (c) => c.kind === 'init' && isDone(pod, c) && c.termination !== undefined && c.termination.exitCode !== 0,
  );
}

/** Nothing of the pod will run again (sidecars only serve the others). */
export function isFinished(pod: Pod, record: PodRecord): boolean {
  if (hasFailedInit(pod, record)) return true;
  return record.containers.every((c) => c.kind !== 'main' || isDone(pod, c));
}
