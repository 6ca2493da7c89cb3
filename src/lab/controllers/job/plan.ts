/**
 * What a Job needs: pods to make and to delete, finished pods to count, its status. Pure. Source: kubernetes
 * pkg/controller/job. A finished pod is counted once: it keeps a finalizer until its uid is in the status, and its uid
 * leaves the status when the finalizer is gone.
 */
import type { Job, Pod } from '../../../kube/types.ts';
import { inDeletionOrder } from '../pods/deletion-order.ts';
import { isActive, isFinished, isReady, isTerminating } from '../pods/pod-state.ts';
import { completedIndexes, formatIndexes, indexOf } from './indexes.ts';
import { backoffMs } from './pod-backoff.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

type Status = NonNullable<Job['status']>;
type Condition = NonNullable<Status['conditions']>[number];
type Verdict = Pick<Condition, 'type' | 'reason' | 'message'>;

export interface JobState {
  job: Job;
  /** The pods it owns. */
  pods: readonly Pod[];
  /** False while the stores lag behind what was asked for: then nothing is made or deleted. */
  settled: boolean;
  /** ms since the epoch. */
  now: number;
}

export interface JobPlan {
  /** The completion index of each pod to make; undefined for a Job whose pods are alike. */
  create: (number | undefined)[];
  remove: Pod[];
  /** Counted: their finalizer can go. */
  untrack: Pod[];
  status: Status;
  /** When time alone changes something. */
  recheckMs: number | undefined;
  /** It has been finished for ttlSecondsAfterFinished. */
  expired: boolean;
}

interface Count {
  counted: number;
  /** In the status already, or to be; the finalizer is still there. */
  waiting: string[];
}

/** One step; the next one sees what came of it. */
export function planJob(state: JobState): JobPlan {
  const { job, pods, settled, now } = state;
  const stored: Status = job.status ?? {};
  const finished = finishedAt(stored);
  const active = pods.filter(isActive);
  const counts = { succeeded: count(state, 'succeeded'), failed: count(state, 'failed') };
  const totals = { succeeded: total(counts.succeeded), failed: total(counts.failed) };
  const indexes = completedIndexes(job, pods);
  const verdict = finished === undefined ? judge(state, { active, totals, indexes }) : undefined;
  const suspended = job.spec?.suspend === true && verdict === undefined && finished === undefined;
  const over = finished !== undefined || verdict !== undefined;
  const frozen = !settled || job.metadata.deletionTimestamp !== undefined;
  const wait = over || suspended ? 0 : backoffMs(pods, now);
  const change = frozen
    ? { create: [], remove: [] }
    : over || suspended
      ? { create: [], remove: active }
      : resize(state, { active, succeeded: totals.succeeded, indexes });
  const status: Status = {
    active: over ? 0 : active.length,
    ready: over ? 0 : active.filter(isReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && !isFinished(pod)).length,
    succeeded: counts.succeeded.counted,
    failed: counts.failed.counted,
    uncountedTerminatedPods: { succeeded: counts.succeeded.waiting, failed: counts.failed.waiting },
    ...(isIndexed(job) && { completedIndexes: formatIndexes(indexes) }),
    ...startOf(stored, suspended, now),
    ...conditionsOf(stored, { verdict, suspended, now }),
  };
  const ttl = msUntilExpiry(job, finished, now);
  const times = [wait, deadlineMs(job, now), ttl].filter((ms) => ms !== undefined && ms > 0) as number[];
  return {
    create: wait > 0 ? [] : change.create,
    remove: change.remove,
    untrack: pods.filter((pod) => isTracked(pod) && (isRecorded(stored, pod) || (over && !isFinished(pod)))),
    status,
    recheckMs: times.length > 0 ? Math.min(...times) : undefined,
    expired: ttl !== undefined && ttl <= 0,
  };
}

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';

const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) === true;

function isRecorded({ uncountedTerminatedPods: waiting }: Status, { metadata }: Pod): boolean {
  return [...(waiting?.succeeded ?? []), ...(waiting?.failed ?? [])].includes(metadata.uid);
}

const total = ({ counted, waiting }: Count): number => counted + waiting.length;

/** A pod that is deleted before it has finished has failed. */
function outcomeOf(pod: Pod): 'succeeded' | 'failed' | undefined {
  if (pod.status?.phase === 'Succeeded') return 'succeeded';
  return pod.status?.phase === 'Failed' || isTerminating(pod) ? 'failed' : undefined;
}

function count({ job, pods }: JobState, outcome: 'succeeded' | 'failed'): Count {
  const stored: Status = job.status ?? {};
  const tracked = pods.filter(isTracked);
  const trackedUids = new Set(tracked.map(({ metadata }) => metadata.uid));
  const recorded = stored.uncountedTerminatedPods?.[outcome] ?? [];
  const gone = recorded.filter((uid) => !trackedUids.has(uid));
  const fresh = tracked.filter((pod) => outcomeOf(pod) === outcome && !isRecorded(stored, pod));
  return {
    counted: (stored[outcome] ?? 0) + gone.length,
    waiting: [
      ...recorded.filter((uid) => trackedUids.has(uid)),
      ...fresh.map(({ metadata }) => metadata.uid),
    ],
  };
}

interface Progress {
  active: readonly Pod[];
  totals: { succeeded: number; failed: number };
  indexes: ReadonlySet<number>;
}

/** Whether it has just failed or come to its end. */
function judge({ job, pods, now }: JobState, { active, totals, indexes }: Progress): Verdict | undefined {
  const { backoffLimit = 6, completions, template } = job.spec!;
  const restarts = template.spec?.restartPolicy === 'OnFailure' ? restartsOf(pods) : 0;
  if (totals.failed > backoffLimit || (restarts > 0 && restarts >= backoffLimit && backoffLimit > 0))
    return {
      type: 'Failed',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    };
  if ((deadlineMs(job, now) ?? 1) <= 0)
    return {
      type: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    };
  const done = isIndexed(job) ? indexes.size : totals.succeeded;
  const complete = completions === undefined ? done > 0 && active.length === 0 : done >= completions;
  return complete
    ? {
        type: 'Complete',
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      }
    : undefined;
}

function restartsOf(pods: readonly Pod[]): number {
  const statuses = pods.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  return statuses.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
}

/** Undefined where there is none, or the Job does not run. */
function deadlineMs({ spec, status }: Job, now: number): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || status?.startTime === undefined || spec.suspend)
    return undefined;
  if (finishedAt(status) !== undefined) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now;
}

interface Size {
  active: readonly Pod[];
  succeeded: number;
  indexes: ReadonlySet<number>;
}

function resize(
  { job, pods, now }: JobState,
  { active, succeeded, indexes }: Size,
): Pick<JobPlan, 'create' | 'remove'> {
  const { parallelism = 1, completions } = job.spec!;
  const left =
    completions === undefined ? undefined : completions - (isIndexed(job) ? indexes.size : succeeded);
  const wanted =
    left === undefined
      ? succeeded > 0
        ? Math.min(active.length, parallelism)
        : parallelism
      : Math.min(parallelism, left);
  const surplus = active.length - wanted;
  if (surplus > 0)
    return { create: [], remove: inDeletionOrder([...active], () => 0, now).slice(0, surplus) };
  if (!isIndexed(job)) return { create: new Array<undefined>(-surplus).fill(undefined), remove: [] };
  const taken = new Set([...indexes, ...active.map(indexOf)]);
  const free = Array.from({ length: completions ?? 0 }, (_, i) => i).filter((i) => !taken.has(i));
  // A pod that is on its way out still has its index's name in DNS.
  const leaving = new Set(pods.filter((pod) => isTerminating(pod) && !isFinished(pod)).map(indexOf));
  return { create: free.filter((i) => !leaving.has(i)).slice(0, -surplus), remove: [] };
}

function finishedAt({ conditions = [] }: Status): number | undefined {
  const last = conditions.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  return last && Date.parse(last.lastTransitionTime ?? '');
}

function msUntilExpiry({ spec }: Job, finished: number | undefined, now: number): number | undefined {
  const seconds = spec?.ttlSecondsAfterFinished;
  return seconds === undefined || finished === undefined ? undefined : finished + seconds * 1000 - now;
}

const timestamp = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** A Job that is resumed starts anew. */
function startOf({ startTime }: Status, suspended: boolean, now: number): Pick<Status, 'startTime'> {
  if (suspended) return { startTime: undefined };
  return { startTime: startTime ?? timestamp(now) };
}

interface Change {
  verdict: Verdict | undefined;
  suspended: boolean;
  now: number;
}

function conditionsOf(
  { conditions = [] }: Status,
  { verdict, suspended, now }: Change,
): Pick<Status, 'conditions' | 'completionTime'> {
  const at = timestamp(now);
  const made = (of: Verdict, status: 'True' | 'False'): Condition =>
    ({ ...of, status, lastProbeTime: at, lastTransitionTime: at }) as Condition;
  const known = conditions.find(({ type }) => type === 'Suspended');
  const others = conditions.filter(({ type }) => type !== 'Suspended');
  const changed = (known?.status === 'True') !== suspended;
  const resumed = { type: 'Suspended', reason: 'JobResumed', message: 'Job resumed' } as const;
  const paused = { type: 'Suspended', reason: 'JobSuspended', message: 'Job suspended' } as const;
  const suspension = changed
    ? [made(suspended ? paused : resumed, suspended ? 'True' : 'False')]
    : known === undefined
      ? []
      : [known];
  if (verdict === undefined) return { conditions: [...others, ...suspension] };
  // Both are told, as since Kubernetes 1.31: that it is decided, and that it is over.
  const first = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  return {
    conditions: [...others, ...suspension, made({ ...verdict, type: first }, 'True'), made(verdict, 'True')],
    ...(verdict.type === 'Complete' && { completionTime: at }),
  };
}
