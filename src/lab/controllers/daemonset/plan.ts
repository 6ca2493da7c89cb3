/**
 * What a DaemonSet does next: one pod on every node that should have one, old pods replaced within maxUnavailable or
 * maxSurge. Pure. Source: kubernetes pkg/controller/daemon.
 */
import { scaledValue } from '../../../kube/int-or-string.ts';
import type { DaemonSet, Node, Pod } from '../../../kube/types.ts';
import { isAvailable, isFinished, isReady, isTerminating, msUntilAvailable } from '../pods/pod-state.ts';
import { revisionLabel } from '../revisions/revision-history.ts';
import { daemonOnNode } from './placement.ts';

export interface DaemonSetState {
  set: DaemonSet;
  nodes: readonly Node[];
  pods: readonly Pod[];
  /** Hash label of pods of the template now. */
  hash: string;
  settled: boolean;
  now: number;
}

export interface DaemonSetPlan {
  /** Names of nodes. */
  create: string[];
  remove: Pod[];
  status: NonNullable<DaemonSet['status']>;
  recheckMs: number | undefined;
}

/** One node and the set's pods on it. */
interface Site {
  node: string;
  run: boolean;
  stay: boolean;
  pods: Pod[];
}

export function planDaemonSet(state: DaemonSetState): DaemonSetPlan {
  const { set, settled } = state;
  const sites = sitesOf(state);
  const plan: DaemonSetPlan = {
    create: [],
    remove: [],
    status: statusOf(state, sites),
    recheckMs: recheckOf(state),
  };
  if (!settled || set.metadata.deletionTimestamp !== undefined) return plan;
  plan.remove.push(...homeless(state, sites));
  for (const site of sites) fill(plan, site, state);
  if ((set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate') roll(plan, sites, state);
  return plan;
}

/** The node a pod is on or meant for. */
export function nodeOf(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.find((field) => field.key === 'metadata.name')?.values?.[0];
}

function sitesOf({ set, nodes, pods }: DaemonSetState): Site[] {
  const byNode = Map.groupBy(pods, (pod) => nodeOf(pod));
  return nodes.map((node) => ({
    node: node.metadata.name,
    ...daemonOnNode(set, node),
    pods: byNode.get(node.metadata.name) ?? [],
  }));
}

/** Pods meant for a node that is gone. */
function homeless({ pods }: DaemonSetState, sites: readonly Site[]): Pod[] {
  const known = new Set(sites.map((site) => site.node));
  return pods.filter((pod) => !known.has(nodeOf(pod) ?? '') && !isTerminating(pod));
}

const hashOf = (pod: Pod) => pod.metadata.labels?.[revisionLabel];

/** Makes the missing pod; removes finished, superfluous and unwanted ones. */
function fill(plan: DaemonSetPlan, { node, run, stay, pods }: Site, { hash }: DaemonSetState): void {
  const alive = pods.filter((pod) => !isTerminating(pod));
  if (!stay) {
    plan.remove.push(...alive);
    return;
  }
  plan.remove.push(...alive.filter(isFinished));
  const running = alive.filter((pod) => !isFinished(pod));
  // While a pod is on its way out its successor waits, as its host ports and paths are still taken.
  if (run && pods.length === 0) plan.create.push(node);
  const duplicates = Map.groupBy(running, (pod) => hashOf(pod) === hash);
  for (const same of duplicates.values()) plan.remove.push(...oldestFirst(same).slice(1));
}

function oldestFirst(pods: Pod[]): Pod[] {
  return [...pods].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
}

/** Replaces old pods: those that are not available at once, others as far as the limits go. */
function roll(plan: DaemonSetPlan, sites: readonly Site[], state: DaemonSetState): void {
  const { set, hash, now } = state;
  const wanted = sites.filter((site) => site.run);
  const { maxSurge = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, wanted.length, 'up');
  const unavailableLimit = surge > 0 ? 0 : Math.max(1, scaledValue(maxUnavailable, wanted.length, 'up'));
  const available = (pod: Pod) =>
    !isTerminating(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
  let budget = unavailableLimit - wanted.filter((site) => !site.pods.some(available)).length;
  let surgeLeft =
    surge -
    wanted.filter((site) => site.pods.some((pod) => hashOf(pod) === hash) && site.pods.length > 1).length;
  for (const site of wanted) {
    const old = site.pods.find((pod) => hashOf(pod) !== hash && !isTerminating(pod) && !isFinished(pod));
    if (old === undefined) continue;
    const successor = site.pods.find((pod) => hashOf(pod) === hash);
    if (!available(old) || (successor !== undefined && available(successor))) plan.remove.push(old);
    else if (surge > 0) {
      if (successor === undefined && surgeLeft-- > 0) plan.create.push(site.node);
    } else if (budget-- > 0) plan.remove.push(old);
  }
}

function statusOf({ set, hash, now }: DaemonSetState, sites: readonly Site[]): DaemonSetPlan['status'] {
  const wanted = sites.filter((site) => site.run);
  const counted = wanted.map((site) => newestOf(site, hash)).filter((pod) => pod !== undefined);
  const numberAvailable = counted.filter((pod) =>
    isAvailable(pod, set.spec?.minReadySeconds ?? 0, now),
  ).length;
  return {
    currentNumberScheduled: counted.length,
    desiredNumberScheduled: wanted.length,
    numberMisscheduled: sites.filter((site) => !site.run && site.pods.length > 0).length,
    numberReady: counted.filter(isReady).length,
    numberAvailable,
    numberUnavailable: wanted.length - numberAvailable,
    updatedNumberScheduled: counted.filter((pod) => hashOf(pod) === hash).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
}

function newestOf({ pods }: Site, hash: string): Pod | undefined {
  const alive = pods.filter((pod) => !isTerminating(pod) && !isFinished(pod));
  return alive.find((pod) => hashOf(pod) === hash) ?? oldestFirst(alive)[0];
}

function recheckOf({ set, pods, now }: DaemonSetState): number | undefined {
  const waits = pods.map((pod) => msUntilAvailable(pod, set.spec?.minReadySeconds ?? 0, now) ?? 0);
  const pending = waits.filter((ms) => ms > 0);
  return pending.length === 0 ? undefined : Math.min(...pending);
}
