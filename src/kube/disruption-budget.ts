/** A PodDisruptionBudget's status, as both who counts pods and who evicts them write it (component-helpers, apps). */
import { type Condition, withCondition } from './conditions.ts';

export interface BudgetStatus {
  observedGeneration?: number;
  /** By pod: when its eviction was allowed, RFC 3339; until it is seen to go. */
  disruptedPods?: Record<string, string>;
  disruptionsAllowed: number;
  currentHealthy: number;
  desiredHealthy: number;
  expectedPods: number;
  conditions?: Condition[];
}

/** The status with its condition `DisruptionAllowed` as its number says. `now` in RFC 3339. */
export function withDisruptionAllowed(status: BudgetStatus, now: string): BudgetStatus {
  const allowed = status.disruptionsAllowed > 0;
  const conditions = withCondition(status.conditions, now, {
    type: 'DisruptionAllowed',
    status: allowed ? 'True' : 'False',
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
  });
  return { ...status, conditions };
}
