/** POST pods/NAME/eviction: a deletion that PodDisruptionBudgets may refuse (pkg/registry/core/pod/storage/eviction.go). */
import { findCondition } from '../../../kube/conditions.ts';
import { type BudgetStatus, withDisruptionAllowed } from '../../../kube/disruption-budget.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { compileSelector } from '../../../kube/selectors.ts';
import { cloneJson, type JsonObject } from '../json.ts';
import { badRequest, forbidden, tooManyRequests } from '../status.ts';
import { type DeleteOptions, deleteObject } from './delete.ts';
import { getStored, type ObjectRef, type RestContext, timestamp } from './rest-context.ts';
import { updateObject } from './update.ts';

/** More evictions than this in the air: whoever counts pods is away. */
const maxDisruptedPods = 2000;
const refused = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Status codes are not errors here: the original answers 201 and says in the body what it does not do. */
const twoBudgets = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  code: 500,
};

type Pod = KubeObject & JsonObject;
type Budget = KubeObject & { spec: JsonObject; status?: Partial<BudgetStatus> };

/** Deletes the pod if its budget allows. The result is a refusal that is no error. Throws ApiError, 429 above all. */
export function evictPod(
  context: RestContext,
  ref: ObjectRef,
  eviction: JsonObject,
  options: DeleteOptions,
): object | undefined {
  if (eviction.metadata?.name !== ref.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const pod = getStored(context, ref) as Pod;
  if (!isBeyondBudgets(pod)) {
    const budgets = budgetsOf(context, pod);
    if (budgets.length > 1) return twoBudgets;
    const [budget] = budgets;
    if (budget && !isSpared(pod, budget)) spend(context, { budget, podName: ref.name }, options);
  }
  if (!options.dryRun) markDisrupted(context, ref, options);
  // The mark was ours: it does not make the state that the client has seen an old one.
  const { resourceVersion: _, ...preconditions } = options.preconditions ?? {};
  deleteObject(context, ref, { ...options, preconditions });
  return undefined;
}

/** What does not run, or ends anyway, is not disrupted any more. */
function isBeyondBudgets({ status, metadata }: Pod): boolean {
  return (
    ['Succeeded', 'Failed', 'Pending'].includes(status?.phase) || metadata.deletionTimestamp !== undefined
  );
}

function budgetsOf({ storage }: RestContext, { metadata }: Pod): Budget[] {
  const all = storage.list('policy/poddisruptionbudgets', { namespace: metadata.namespace }) as Budget[];
  return all.filter(({ spec }) => compileSelector(spec.selector)(metadata.labels));
}

/** An unready pod counts for nothing: it may go where the rest is healthy, or always where its budget says so. */
function isSpared(pod: Pod, { spec, status = {} }: Budget): boolean {
  if (findCondition<JsonObject & { type: string }>(pod.status?.conditions, 'Ready')?.status === 'True')
    return false;
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** Takes one of the budget's disruptions for the pod. Throws where there is none. */
function spend(
  context: RestContext,
  { budget, podName }: { budget: Budget; podName: string },
  { dryRun }: DeleteOptions,
): void {
  const resource = context.resources.storedIn('policy/poddisruptionbudgets')!;
  const { name, namespace, generation = 0 } = budget.metadata;
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods = {} } = budget.status ?? {};
  if (observedGeneration < generation) throw refusal(`${name} is still being processed by the server.`, 10);
  if (Object.keys(disruptedPods).length > maxDisruptedPods) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden({ ...resource, plural: 'poddisruptionbudget' }, name, why);
  }
  if (disruptionsAllowed === 0) throw refusal(reasonOf(budget));
  const now = timestamp(context.clock.now());
  const left: JsonObject = {
    ...budget.status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...disruptedPods, [podName]: now },
  };
  const status = disruptionsAllowed === 1 ? withDisruptionAllowed(left as BudgetStatus, now) : left;
  updateObject(context, { resource, namespace, name }, (old) => ({ ...cloneJson(old), status }), {
    subresource: 'status',
    dryRun,
  });
}

function refusal(budget: string, retryAfterSeconds?: number): Error {
  const cause = { reason: 'DisruptionBudget', message: `The disruption budget ${budget}` };
  return tooManyRequests(refused, { cause, retryAfterSeconds });
}

function reasonOf({ metadata: { name }, status = {} }: Budget): string {
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  const condition = findCondition(status.conditions, 'DisruptionAllowed');
  const said = condition?.status === 'False' && condition.message !== '' ? condition : undefined;
  const not = `${name} does not allow evicting pods currently`;
  if (said?.reason === 'SyncFailed') return `${not} because it failed sync: ${said.message}`;
  if (currentHealthy <= desiredHealthy)
    return `${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return said ? `${not} (${said.reason}): ${said.message}` : not;
}

/** So that a Job, and whoever looks, can tell it from a failure of the pod's own. */
function markDisrupted(context: RestContext, ref: ObjectRef, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  const now = timestamp(context.clock.now());
  const mark = (old: KubeObject): JsonObject => {
    const pod = cloneJson(old) as Pod;
    const conditions = (pod.status?.conditions ?? []) as (typeof condition & {
      lastTransitionTime: string;
    })[];
    const before = findCondition(conditions, condition.type);
    const since = before?.status === 'True' ? before.lastTransitionTime : now;
    const others = conditions.filter((c) => c !== before);
    const marked = { ...condition, lastProbeTime: null, lastTransitionTime: since };
    const metadata = { ...pod.metadata, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    return { ...pod, metadata, status: { ...pod.status, conditions: [...others, marked] } };
  };
  updateObject(context, ref, mark, { subresource: 'status' });
}
