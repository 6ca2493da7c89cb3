/**
 * What a StatefulSet does next. With OrderedReady one pod at a time, in order of the ordinals; with Parallel pods are
 * made and deleted all at once, and only updated one at a time. Pure.
 * Source: kubernetes pkg/controller/statefulset/stateful_set_control.go.
 */
import type { Pod, StatefulSet } from '../../../kube/types.ts';
import {
  isAvailable,
  isFinished,
  isReady,
  isRunningAndReady,
  isTerminating,
  msUntilAvailable,
} from '../pods/pod-state.ts';
import { revisionLabel } from '../revisions/revision-history.ts';
import { ordinalOf } from './identity.ts';

export interface StatefulSetState {
  set: StatefulSet;
  pods: readonly Pod[];
  /** Name of the revision of the template now. */
  updateRevision: string;
  now: number;
}

export interface StatefulSetPlan {
  /** Ordinals, each with the revision to make it from. */
  create: { ordinal: number; revision: string }[];
  remove: Pod[];
  status: NonNullable<StatefulSet['status']>;
  recheckMs: number | undefined;
}

interface Facts extends StatefulSetState {
  currentRevision: string;
  byOrdinal: Map<number, Pod>;
  start: number;
  replicas: number;
  partition: number;
  monotonic: boolean;
  minReadySeconds: number;
}

export function planStatefulSet(state: StatefulSetState): StatefulSetPlan {
  const facts = factsOf(state);
  const plan: StatefulSetPlan = {
    create: [],
    remove: [],
    status: statusOf(facts),
    recheckMs: recheckOf(facts),
  };
  if (state.set.metadata.deletionTimestamp !== undefined) return plan;
  if (makePods(plan, facts) && removeSurplus(plan, facts)) updatePods(plan, facts);
  return plan;
}

function factsOf(state: StatefulSetState): Facts {
  const { spec, status } = state.set;
  const byOrdinal = new Map<number, Pod>();
  for (const pod of state.pods) {
    const ordinal = ordinalOf(state.set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  return {
    ...state,
    currentRevision: status?.currentRevision || state.updateRevision,
    byOrdinal,
    start: spec?.ordinals?.start ?? 0,
    replicas: spec?.replicas ?? 1,
    partition: spec?.updateStrategy?.rollingUpdate?.partition ?? 0,
    monotonic: (spec?.podManagementPolicy ?? 'OrderedReady') === 'OrderedReady',
    minReadySeconds: spec?.minReadySeconds ?? 0,
  };
}

const revisionOfPod = (pod: Pod) => pod.metadata.labels?.[revisionLabel] ?? '';

function isHealthy(pod: Pod): boolean {
  return isRunningAndReady(pod) && !isTerminating(pod);
}

/** Pods below the partition are made from the revision in use, so that a canary stays one. */
function revisionFor(ordinal: number, facts: Facts): string {
  const { set, currentRevision, updateRevision, start, partition } = facts;
  const type = set.spec?.updateStrategy?.type ?? 'RollingUpdate';
  return type === 'RollingUpdate' && ordinal < start + partition ? currentRevision : updateRevision;
}

/** Whether all pods that should exist do (and, one after the other, are available). */
function makePods(plan: StatefulSetPlan, facts: Facts): boolean {
  const { byOrdinal, start, replicas, monotonic, minReadySeconds, now } = facts;
  let complete = true;
  for (let ordinal = start; ordinal < start + replicas; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) plan.create.push({ ordinal, revision: revisionFor(ordinal, facts) });
    else if (isFinished(pod) && !isTerminating(pod)) plan.remove.push(pod);
    else if (isHealthy(pod) && isAvailable(pod, minReadySeconds, now)) continue;
    else if (!monotonic) continue;
    complete = false;
    if (monotonic) return false;
  }
  return complete;
}

/** Pods beyond the number of replicas go, the highest ordinal first. Whether none is left. */
function removeSurplus(plan: StatefulSetPlan, facts: Facts): boolean {
  const { byOrdinal, start, replicas, monotonic } = facts;
  const surplus = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= start + replicas)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  if (monotonic && surplus.some(isTerminating)) return false;
  const going = surplus.filter((pod) => !isTerminating(pod));
  plan.remove.push(...(monotonic ? going.slice(0, 1) : going));
  return surplus.length === 0 || (!monotonic && going.length === 0);
}

/** The highest pod of an old revision is replaced, once those above it are healthy. */
function updatePods(plan: StatefulSetPlan, facts: Facts): void {
  const { set, byOrdinal, start, replicas, partition, updateRevision } = facts;
  if (set.spec?.updateStrategy?.type === 'OnDelete') return;
  for (let ordinal = start + replicas - 1; ordinal >= start + partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) return;
    if (revisionOfPod(pod) !== updateRevision && !isTerminating(pod)) {
      plan.remove.push(pod);
      return;
    }
    if (!isHealthy(pod)) return;
  }
}

function statusOf(facts: Facts): StatefulSetPlan['status'] {
  const { set, currentRevision, updateRevision, minReadySeconds, now, replicas } = facts;
  const pods = [...facts.byOrdinal.values()].filter((pod) => !isFinished(pod));
  const of = (revision: string) =>
    pods.filter((pod) => !isTerminating(pod) && revisionOfPod(pod) === revision).length;
  const updatedReplicas = of(updateRevision);
  const readyReplicas = pods.filter(isReady).length;
  const rolling = (set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
  const complete =
    rolling && updatedReplicas === replicas && pods.length === replicas && readyReplicas === replicas;
  const settled = complete ? updateRevision : currentRevision;
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    readyReplicas,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    currentReplicas: of(settled),
    updatedReplicas,
    currentRevision: settled,
    updateRevision,
    collisionCount: set.status?.collisionCount ?? 0,
  };
}

function recheckOf({ byOrdinal, minReadySeconds, now }: Facts): number | undefined {
  const waits = [...byOrdinal.values()].map((pod) => msUntilAvailable(pod, minReadySeconds, now) ?? 0);
  const pending = waits.filter((ms) => ms > 0);
  return pending.length === 0 ? undefined : Math.min(...pending);
}
