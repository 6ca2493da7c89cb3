/** A pod's phase, by the rules of kubelet's `getPhase`. */
import type { Pod } from '../../kube/types.ts';
import { hasInitialized } from './pod-plan.ts';
import { type ContainerRecord, isAlive, isInit, type PodRecord } from './pod-record.ts';
import { hasFailedInit, restartPolicyOf } from './restart-policy.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export function podPhase(pod: Pod, record: PodRecord): Phase {
  if (record.verdict) return 'Failed';
  if (hasFailedInit(pod, record)) return 'Failed';
  const ending = record.deletion !== undefined && !record.containers.some(isAlive);
  if (!record.initialized && record.containers.some((c) => isInit(c) && !hasInitialized(c))) {
    return ending && hasRun(record) ? 'Failed' : 'Pending';
  }
  const mains = record.containers.filter((c) => c.kind === 'main');
  const running = mains.filter((c) => c.state === 'running' || c.state === 'stopping');
  const stopped = mains.filter((c) => hasStopped(c));
  if (mains.length - running.length - stopped.length > 0)
    return ending && hasRun(record) ? 'Failed' : 'Pending';
  if (running.length > 0) return 'Running';
  return phaseOfStopped(pod, record, stopped, ending);
}

/** Ended, even if it waits to start again. */
function hasStopped(container: ContainerRecord): boolean {
  return (
    container.state === 'terminated' ||
    ((container.state === 'starting' || container.state === 'waiting') && container.termination !== undefined)
  );
}

function hasRun(record: PodRecord): boolean {
  return record.containers.some((c) => c.termination !== undefined);
}

function phaseOfStopped(pod: Pod, record: PodRecord, stopped: ContainerRecord[], ending: boolean): Phase {
  const succeeded = stopped.filter((c) => c.state === 'terminated' && c.termination?.exitCode === 0);
  if (ending) return succeeded.length === stopped.length ? 'Succeeded' : 'Failed';
  if (record.containers.some((c) => c.kind === 'sidecar' && isAlive(c))) return 'Running';
  const policies = stopped.map((c) => restartPolicyOf(pod, c));
  if (policies.some((policy) => policy === 'Always')) return 'Running';
  if (succeeded.length === stopped.length) return 'Succeeded';
  return policies.every((policy) => policy === 'Never') ? 'Failed' : 'Running';
}
