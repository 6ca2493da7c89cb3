/** metav1.Condition, and how one is set among others (apimachinery, api/meta/conditions.go). */

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  observedGeneration?: number;
  /** RFC 3339. */
  lastTransitionTime: string;
}

export function findCondition<T extends { type: string }>(
  conditions: readonly T[] | undefined,
  type: string,
): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The conditions with one set, in its place; its time stays where its status does. `now` in RFC 3339. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  now: string,
  wanted: Omit<Condition, 'lastTransitionTime'>,
): Condition[] {
  const before = findCondition(conditions, wanted.type);
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now;
  const set = { ...wanted, lastTransitionTime };
  if (before === undefined) return [...(conditions ?? []), set];
  return conditions!.map((condition) => (condition.type === wanted.type ? set : condition));
}
