/**
 * What a kubelet knows of one pod's run on its node: plain data, written by the pod's worker only and read by the
 * planner and by the status. Times are in ms since the epoch.
 */
import type { Container, Pod } from '../../kube/types.ts';
import { RestartBackoff } from './restart-backoff.ts';

/** `sidecar`: an init container with restartPolicy Always. `ephemeral`: one that was added to a running pod. */
export type ContainerKind = 'init' | 'sidecar' | 'main' | 'ephemeral';

export interface Termination {
  exitCode: number;
  signal?: number;
  reason: string;
  message?: string;
  startedAt: number;
  finishedAt: number;
  id: string;
}

export interface ContainerRecord {
  readonly name: string;
  readonly kind: ContainerKind;
  readonly spec: Container;
  /** `starting` and `stopping` have a task under way that will change them. */
  state: 'waiting' | 'starting' | 'running' | 'stopping' | 'terminated';
  /** Why it waits; the status' own reason where absent. */
  waiting?: { reason: string; message?: string };
  /** Of the present or last attempt. */
  id?: string;
  startedAt?: number;
  /** The latest; kept while a new attempt runs. */
  termination?: Termination;
  /** The one before that. */
  last?: Termination;
  restartCount: number;
  /** Runs and its startup probe, if any, has succeeded. */
  started: boolean;
  ready: boolean;
  /** In CrashLoopBackOff, or a start to be tried again, until then. */
  holdUntil?: number;
  readonly backoff: RestartBackoff;
}

/** A thing that is made by a task before containers run, and removed by one after. */
export type Stage = 'absent' | 'making' | 'ready' | 'removing' | 'removed';

export interface Verdict {
  reason: string;
  message: string;
  /** What containers get instead of the pod's own grace period. */
  graceMs?: number;
}

export interface PodRecord {
  readonly startTime: number;
  sandbox: Stage;
  volumes: Stage;
  sandboxRetryAt?: number;
  volumesRetryAt?: number;
  /** Why the pod is not further on: shown by containers that wait. */
  problem?: { reason: string; message: string };
  /** Primary first; kept after the end. */
  ips: string[];
  /** Every init container has done its work once: they do not run again. */
  initialized: boolean;
  /** The pod is failed by its node: rejected, over its deadline, or evicted. */
  verdict?: Verdict;
  /** The API, or the disappearance of the object, asks for the pod's end. */
  deletion?: { deadline: number };
  api: 'present' | 'deleting' | 'gone';
  /** In the order of their start; ephemeral ones come while the pod runs. */
  readonly containers: ContainerRecord[];
}

export function kindOfInit(container: Container): ContainerKind {
  return container.restartPolicy === 'Always' ? 'sidecar' : 'init';
}

/** A record of a pod of which nothing runs yet; containers are in the order of their start. */
export function newPodRecord(pod: Pod, now: number): PodRecord {
  const inits = pod.spec?.initContainers ?? [];
  const containers: ContainerRecord[] = [
    ...inits.map((spec) => newContainerRecord(spec, kindOfInit(spec))),
    ...(pod.spec?.containers ?? []).map((spec) => newContainerRecord(spec, 'main')),
  ];
  return {
    startTime: now,
    sandbox: 'absent',
    volumes: 'absent',
    ips: [],
    initialized: inits.length === 0,
    api: 'present',
    containers,
  };
}

function newContainerRecord(spec: Container, kind: ContainerKind): ContainerRecord {
  return {
    name: spec.name,
    kind,
    spec,
    state: 'waiting',
    restartCount: 0,
    started: false,
    ready: false,
    backoff: new RestartBackoff(),
  };
}

/** The ephemeral containers that have come since the record was made. */
export function takeEphemeral(record: PodRecord, pod: Pod): ContainerRecord[] {
  const known = new Set(record.containers.map(({ name }) => name));
  const fresh = (pod.spec?.ephemeralContainers ?? [])
    .filter(({ name }) => !known.has(name))
    .map((spec) => newContainerRecord(spec, 'ephemeral'));
  record.containers.push(...fresh);
  return fresh;
}

/** One that runs before the others, or beside them from before. */
export const isInit = ({ kind }: ContainerRecord): boolean => kind === 'init' || kind === 'sidecar';

/** A process of it lives, or is about to. */
export function isAlive(container: ContainerRecord): boolean {
  return container.state === 'starting' || container.state === 'running' || container.state === 'stopping';
}
