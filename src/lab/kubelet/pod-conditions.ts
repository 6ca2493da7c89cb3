/** The conditions that a kubelet sets on a pod; those of others are left alone. */
import type { Pod } from '../../kube/types.ts';
import type { Phase } from './pod-phase.ts';
import { hasInitialized } from './pod-plan.ts';
import { isInit, type PodRecord } from './pod-record.ts';

export type Condition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

interface Verdict {
  type: string;
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

export interface ConditionContext {
  phase: Phase;
  now: string;
  /** What was last reported; the watch may not have brought it back yet. */
  previous: readonly Condition[];
}

/** The five conditions; lastTransitionTime is kept where the status did not change. */
export function podConditions(pod: Pod, record: PodRecord, at: ConditionContext): Condition[] {
  const ready = containersReady(record, at.phase);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: record.sandbox === 'ready' ? 'True' : 'False' },
    initialized(record, at.phase),
    { ...readiness(pod, ready), type: 'Ready' },
    { ...ready, type: 'ContainersReady' },
    { type: 'PodScheduled', status: 'True' },
  ];
  return verdicts.map((verdict) => withTransition(verdict, pod, at));
}

function withTransition(verdict: Verdict, pod: Pod, { previous, now }: ConditionContext): Condition {
  const before = previous.find((c) => c.type === verdict.type);
  const since = before?.status === verdict.status ? (before.lastTransitionTime ?? now) : now;
  // A strategic merge keeps what is not named: a reason that no longer holds must be taken away.
  const gone = (field: 'reason' | 'message') =>
    before?.[field] && verdict[field] === undefined ? { [field]: null } : {};
  return {
    ...verdict,
    ...gone('reason'),
    ...gone('message'),
    lastTransitionTime: since,
    ...(pod.metadata.generation !== undefined ? { observedGeneration: pod.metadata.generation } : {}),
  };
}

function initialized(record: PodRecord, phase: Phase): Verdict {
  const type = 'Initialized';
  const incomplete = record.containers.filter((c) => isInit(c) && !hasInitialized(c));
  if (record.initialized || incomplete.length === 0) {
    return { type, status: 'True', ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) };
  }
  const names = incomplete.map((c) => c.name).join(' ');
  return {
    type,
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${names}]`,
  };
}

function containersReady(record: PodRecord, phase: Phase): Verdict {
  const type = 'ContainersReady';
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = record.containers.filter((c) => serves(c) && !isReady(c));
  if (unready.length === 0) return { type, status: 'True' };
  const names = unready.map((c) => c.name).join(' ');
  return {
    type,
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${names}]`,
  };
}

/** What a pod's readiness is made of. */
function serves({ kind }: PodRecord['containers'][number]): boolean {
  return kind === 'main' || kind === 'sidecar';
}

function isReady(container: PodRecord['containers'][number]): boolean {
  return container.ready && (container.state === 'running' || container.state === 'stopping');
}

/** ContainersReady and the pod's readiness gates. */
function readiness(pod: Pod, ready: Verdict): Omit<Verdict, 'type'> {
  const { type: _type, ...verdict } = ready;
  if (ready.status === 'False') return verdict;
  const open = (pod.spec?.readinessGates ?? []).flatMap((gate) => {
    const condition = pod.status?.conditions?.find((c) => c.type === gate.conditionType);
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`];
    }
    if (condition.status === 'True') return [];
    return [
      `the status of pod readiness gate "${gate.conditionType}" is not "True", but ${condition.status}`,
    ];
  });
  return open.length === 0
    ? verdict
    : { status: 'False', reason: 'ReadinessGatesNotMet', message: open.join(', ') };
}
