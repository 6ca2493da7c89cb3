/**
 * What to do next for one pod: a pure function of the object, the record of its run and the time. The worker carries
 * the actions out, notes what came of them in the record, and plans again; nothing here waits. The order is
 * Kubernetes':
 *
 *     volumes ┐
 *     sandbox ┴► init containers one by one (a sidecar counts once started) ► containers ► end
 *     ephemeral containers once there is a sandbox, whatever the others do
 *     end: containers, then sidecars backwards ► network, namespace, volumes removed ► object deleted
 */
import type { Pod } from '../../kube/types.ts';
import { type ContainerRecord, isAlive, isInit, type PodRecord } from './pod-record.ts';
import { isFinished, mayRestart } from './restart-policy.ts';

export type PodAction =
  | { do: 'prepare-volumes' }
  | { do: 'create-sandbox' }
  | { do: 'await-network' }
  | { do: 'start'; container: string }
  /** CrashLoopBackOff until then. */
  | { do: 'hold'; container: string; until: number }
  | { do: 'stop'; container: string; graceMs: number }
  | { do: 'fail'; reason: string; message: string }
  | { do: 'initialized' }
  | { do: 'tear-down' }
  | { do: 'delete-object' };

export interface PodPlan {
  actions: PodAction[];
  /** When to plan again though nothing happened. */
  wakeAt?: number;
}

export interface PlanInput {
  pod: Pod;
  record: PodRecord;
  now: number;
  /** The node's CNI plugin answers. */
  networkReady: boolean;
}

/** A node that has just come up is no news: pods are given to it before its network is made. */
const networkGraceMs = 5000;

export function planPod(input: PlanInput): PodPlan {
  const { pod, record, now } = input;
  if (record.deletion || record.verdict || isFinished(pod, record)) return planEnd(input);
  const deadline = deadlineOf(pod, record);
  if (deadline !== undefined && now >= deadline) return { actions: [deadlineExceeded] };
  const plan = isSetUp(record) ? planContainers(input) : planSetUp(input);
  return { actions: plan.actions, wakeAt: earliest(plan.wakeAt, deadline) };
}

const deadlineExceeded: PodAction = {
  do: 'fail',
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

function deadlineOf(pod: Pod, record: PodRecord): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return seconds === undefined ? undefined : record.startTime + seconds * 1000;
}

function isSetUp(record: PodRecord): boolean {
  return record.sandbox === 'ready' && record.volumes === 'ready';
}

function planSetUp({ pod, record, now, networkReady }: PlanInput): PodPlan {
  const actions: PodAction[] = [];
  const waits: number[] = [];
  const due = (at: number | undefined): boolean => {
    if (at === undefined || at <= now) return true;
    waits.push(at);
    return false;
  };
  if (record.volumes === 'absent' && due(record.volumesRetryAt)) actions.push({ do: 'prepare-volumes' });
  if (record.sandbox === 'absent') {
    if (!networkReady && !pod.spec?.hostNetwork) {
      if (due(record.startTime + networkGraceMs)) actions.push({ do: 'await-network' });
    } else if (due(record.sandboxRetryAt)) actions.push({ do: 'create-sandbox' });
  }
  return { actions, wakeAt: earliest(...waits) };
}

function planContainers(input: PlanInput): PodPlan {
  const { record } = input;
  const plan: PodPlan = { actions: [] };
  for (const container of record.containers)
    if (container.kind === 'ephemeral') planContainer(container, input, plan);
  let blocked = false;
  for (const container of record.containers) {
    if (!isInit(container)) break;
    if (blocked && !record.initialized) break;
    if (container.kind === 'sidecar' || !record.initialized) planContainer(container, input, plan);
    blocked ||= !hasInitialized(container);
  }
  if (blocked && !record.initialized) return plan;
  if (!record.initialized) plan.actions.push({ do: 'initialized' });
  for (const container of record.containers) {
    if (container.kind === 'main') planContainer(container, input, plan);
  }
  return plan;
}

/** The next container may start: an init container succeeded, a sidecar has started. */
export function hasInitialized(container: ContainerRecord): boolean {
  if (container.kind === 'sidecar') return container.started;
  return container.state === 'terminated' && container.termination?.exitCode === 0;
}

function planContainer(container: ContainerRecord, { pod, now }: PlanInput, plan: PodPlan): void {
  if (isAlive(container)) return;
  if (container.state === 'terminated') {
    if (!mayRestart(pod, container)) return;
    const due = container.backoff.dueAt(container.termination!.finishedAt);
    if (due > now) {
      if (container.holdUntil === undefined)
        plan.actions.push({ do: 'hold', container: container.name, until: due });
      plan.wakeAt = earliest(plan.wakeAt, due);
      return;
    }
  } else if (container.holdUntil !== undefined && container.holdUntil > now) {
    plan.wakeAt = earliest(plan.wakeAt, container.holdUntil);
    return;
  }
  plan.actions.push({ do: 'start', container: container.name });
}

function planEnd({ pod, record, now }: PlanInput): PodPlan {
  const alive = record.containers.filter(isAlive);
  if (alive.length > 0) return { actions: planStops(alive, graceOf(pod, record, now)) };
  if (record.sandbox === 'making' || record.volumes === 'making') return { actions: [] };
  if (record.sandbox !== 'removed') {
    return record.sandbox === 'removing' ? { actions: [] } : planTearDown(record, now);
  }
  if (record.deletion && record.api === 'present') return { actions: [{ do: 'delete-object' }] };
  return { actions: [] };
}

function planTearDown(record: PodRecord, now: number): PodPlan {
  const retryAt = record.sandboxRetryAt;
  if (retryAt !== undefined && retryAt > now && record.sandbox === 'ready')
    return { actions: [], wakeAt: retryAt };
  return { actions: [{ do: 'tear-down' }] };
}

/** Containers end together; then each sidecar, the last one first. */
function planStops(alive: ContainerRecord[], graceMs: number): PodAction[] {
  const served = alive.filter((c) => c.kind !== 'sidecar');
  const ending = served.length > 0 ? served : alive.slice(-1);
  return ending
    .filter((c) => c.state === 'running')
    .map((c) => ({ do: 'stop', container: c.name, graceMs }) as const);
}

/** kubelet leaves even a forced deletion one second. */
function graceOf(pod: Pod, { deletion, verdict }: PodRecord, now: number): number {
  const own = verdict?.graceMs ?? (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  return deletion ? Math.max(1000, deletion.deadline - now) : own;
}

function earliest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
