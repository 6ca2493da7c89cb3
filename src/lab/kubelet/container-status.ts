/** One container's status, from its record. */
import type { ContainerStatus } from '../../kube/types.ts';
import { type ContainerRecord, isInit, type PodRecord, type Termination } from './pod-record.ts';

type ContainerState = NonNullable<ContainerStatus['state']>;

/** The prefix of containerID that names the runtime. */
export const runtimeName = 'tendril';

export function containerStatus(container: ContainerRecord, record: PodRecord): ContainerStatus {
  const state = containerState(container, record);
  const last = state.terminated ? container.last : container.termination;
  const runs = container.state === 'running' || container.state === 'stopping';
  const image = container.spec.image ?? '';
  return {
    name: container.name,
    image,
    imageID: image,
    ...(container.id !== undefined && container.state !== 'starting'
      ? { containerID: idOf(container.id) }
      : {}),
    state,
    lastState: last ? { terminated: terminated(last) } : {},
    ready: isReady(container),
    // Of ephemeral containers nobody asks.
    ...(container.kind === 'ephemeral' ? {} : { started: runs && container.started }),
    restartCount: container.restartCount,
  };
}

function isReady({ kind, state, ready, termination }: ContainerRecord): boolean {
  const runs = state === 'running' || state === 'stopping';
  if (kind === 'init') return termination?.exitCode === 0 && !runs;
  return kind !== 'ephemeral' && runs && ready;
}

function containerState(container: ContainerRecord, record: PodRecord): ContainerState {
  switch (container.state) {
    case 'running':
    case 'stopping':
      return { running: { startedAt: time(container.startedAt!) } };
    case 'terminated':
      if (container.holdUntil !== undefined) return { waiting: crashLoop(container) };
      return { terminated: terminated(container.termination!) };
    default:
      return { waiting: waitingReason(container, record) };
  }
}

function crashLoop(container: ContainerRecord) {
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${backOffText(container.backoff.delayMs)} restarting failed container=${container.name}`,
  };
}

/** As Go prints a duration: 10s, 1m20s. */
export function backOffText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** kubelet says PodInitializing of those that wait for init containers, else ContainerCreating. */
function waitingReason(container: ContainerRecord, record: PodRecord) {
  if (container.waiting) return container.waiting;
  if (record.problem) return { ...record.problem };
  const inits = record.containers.some(isInit);
  return { reason: inits && !record.initialized ? 'PodInitializing' : 'ContainerCreating' };
}

function terminated(t: Termination) {
  return {
    exitCode: t.exitCode,
    ...(t.signal !== undefined ? { signal: t.signal } : {}),
    reason: t.reason,
    ...(t.message !== undefined ? { message: t.message } : {}),
    startedAt: time(t.startedAt),
    finishedAt: time(t.finishedAt),
    containerID: idOf(t.id),
  };
}

export function idOf(id: string): string {
  return `${runtimeName}://${id}`;
}

/** metav1.Time: whole seconds, UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
