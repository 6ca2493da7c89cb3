/** What a PodDisruptionBudget allows, from its pods and how many there should be (pkg/controller/disruption). Pure. */
import type { BudgetStatus } from '../../../kube/disruption-budget.ts';
import { withDisruptionAllowed } from '../../../kube/disruption-budget.ts';
import { scaledValue } from '../../../kube/int-or-string.ts';
import type { Pod, PodDisruptionBudget } from '../../../kube/types.ts';
import { isReady, isTerminating } from '../pods/pod-state.ts';

/** An eviction that is allowed and does not come within this time is not counted on. */
export const deletionPatienceMs = 2 * 60_000;

export interface BudgetInput {
  budget: PodDisruptionBudget;
  /** Those that its selector matches. */
  pods: readonly Pod[];
  /** The sum of the sizes of the pods' controllers; asked for where `countsControllers`. */
  controllersSize: number;
  /** ms since the epoch. */
  now: number;
}

export interface BudgetPlan {
  status: BudgetStatus;
  /** Pods that were to be evicted and were not. */
  notDeleted: Pod[];
  /** When to look again at the latest. */
  recheckMs: number | undefined;
}

const statusOf = ({ status }: PodDisruptionBudget) => (status ?? {}) as Partial<BudgetStatus>;

/** Whether the number of pods that there should be is what their controllers want, not what is there. */
export function countsControllers({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

export function planBudget(input: BudgetInput): BudgetPlan {
  const { budget, pods, now } = input;
  const { kept, notDeleted, recheckMs } = disruptions(input);
  const { expectedPods, desiredHealthy } = expectations(input);
  const currentHealthy = pods.filter(
    (pod) => !isTerminating(pod) && kept[pod.metadata.name] === undefined && isReady(pod),
  ).length;
  const { conditions } = statusOf(budget);
  const spare = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const status = withDisruptionAllowed(
    {
      observedGeneration: budget.metadata.generation ?? 0,
      ...(Object.keys(kept).length > 0 ? { disruptedPods: kept } : {}),
      disruptionsAllowed: spare,
      ...{ currentHealthy, desiredHealthy, expectedPods },
      ...(conditions === undefined ? {} : { conditions }),
    },
    timeOf(now),
  );
  return { status, notDeleted, recheckMs };
}

function expectations({ budget: { spec = {} }, pods, controllersSize }: BudgetInput) {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) {
    const unavailable = scaledValue(maxUnavailable, controllersSize, 'up');
    return { expectedPods: controllersSize, desiredHealthy: Math.max(0, controllersSize - unavailable) };
  }
  if (typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable };
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  return { expectedPods: controllersSize, desiredHealthy: scaledValue(minAvailable, controllersSize, 'up') };
}

/** Evictions that are allowed and not seen yet: their pods are counted as gone. */
function disruptions({ budget, pods, now }: BudgetInput) {
  const disrupted = statusOf(budget).disruptedPods ?? {};
  const kept: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckMs: number | undefined;
  for (const pod of pods) {
    const since = disrupted[pod.metadata.name];
    if (since === undefined || isTerminating(pod)) continue;
    const left = Date.parse(since) + deletionPatienceMs - now;
    if (left < 0) {
      notDeleted.push(pod);
      continue;
    }
    kept[pod.metadata.name] = since;
    recheckMs = Math.min(recheckMs ?? left, left);
  }
  return { kept, notDeleted, recheckMs };
}

/** The status of a budget that cannot be counted: it allows nothing. */
export function failedStatus(budget: PodDisruptionBudget, message: string, now: number): BudgetStatus {
  const none = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  const status = withDisruptionAllowed({ ...none, ...statusOf(budget), disruptionsAllowed: 0 }, timeOf(now));
  const conditions = status.conditions!.map((condition) =>
    condition.type === 'DisruptionAllowed' ? { ...condition, reason: 'SyncFailed', message } : condition,
  );
  return { ...status, conditions };
}

/** RFC 3339 in whole seconds. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
