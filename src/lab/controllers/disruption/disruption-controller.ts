/** Keeps PodDisruptionBudgets' statuses: how many of their pods may be evicted now (pkg/controller/disruption). */
import { isConflict } from '../../../kube/client/api-error.ts';
import { deepEqual } from '../../../kube/deep-equal.ts';
import { keyOf } from '../../../kube/meta.ts';
import { resources } from '../../../kube/resources.ts';
import { compileSelector, formatSelector } from '../../../kube/selectors.ts';
import type { Pod, PodDisruptionBudget } from '../../../kube/types.ts';
import { describeError } from '../../../util/errors.ts';
import { conditionOf, isFinished, isTerminating } from '../pods/pod-state.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { timestamp } from '../runtime/event-recorder.ts';
import { controllersSize } from './controllers-size.ts';
import { countsControllers, failedStatus, planBudget } from './plan.ts';

const component = 'controllermanager';
/** A pod that was said to be on its way out and stays is said to stay after this time. */
const staleDisruptionMs = 2 * 60_000;

export function disruptionController(context: ControllerContext): Controller {
  const { client, informers, clock, events } = context;
  const budgets = informers.store(resources.podDisruptionBudgets);
  const pods = informers.store(resources.pods);
  const sizes = controllersSize(client, informers);
  pods.addIndex('namespace', (pod) => [pod.metadata.namespace ?? '']);
  budgets.addIndex('namespace', (budget) => [budget.metadata.namespace ?? '']);

  const podsOf = ({ metadata, spec }: PodDisruptionBudget) => {
    const matches = compileSelector(spec?.selector);
    return pods.byIndex('namespace', metadata.namespace ?? '').filter((pod) => matches(pod.metadata.labels));
  };
  const say = (budget: PodDisruptionBudget, reason: string, message: string) =>
    events.record(budget, { type: reason === 'NoPods' ? 'Normal' : 'Warning', reason, message, component });

  const sizeOf = async (budget: PodDisruptionBudget, selected: readonly Pod[]): Promise<number> => {
    if (!countsControllers(budget)) return 0;
    const { size, unmanaged } = await sizes.sum(selected).catch((error: unknown) => {
      const why = `Failed to calculate the number of expected pods: ${describeError(error)}`;
      say(budget, 'CalculateExpectedPodCountFailed', why);
      throw error;
    });
    if (unmanaged.length > 0) say(budget, 'UnmanagedPods', unmanagedText(budget));
    return size;
  };

  const write = async (budget: PodDisruptionBudget, status: object) => {
    if (deepEqual(budget.status, status)) return;
    await unlessGone(client.update(resources.podDisruptionBudgets, { ...budget, status } as never, 'status'));
  };

  const { controller, queue } = keyedController(context, {
    name: 'disruption',
    async sync(key, queue) {
      const budget = budgets.get(key);
      if (budget === undefined) return;
      const selected = podsOf(budget);
      if (selected.length === 0) say(budget, 'NoPods', 'No matching pods found');
      try {
        const now = clock.now();
        const input = { budget, pods: selected, controllersSize: await sizeOf(budget, selected), now };
        const { status, notDeleted, recheckMs } = planBudget(input);
        for (const pod of notDeleted) {
          const message = `Pod was expected by PDB ${keyOf(budget)} to be deleted but it wasn't`;
          events.record(pod, { type: 'Warning', reason: 'NotDeleted', message, component });
        }
        await write(budget, status);
        if (recheckMs !== undefined) queue.addAfter(key, recheckMs + 1);
      } catch (error) {
        if (isConflict(error)) throw error;
        await write(budget, failedStatus(budget, describeError(error), clock.now()));
      }
    },
  });

  const stale = keyedController(context, {
    name: 'stale-pod-disruption',
    async sync(key, queue) {
      const pod = pods.get(key);
      const condition = pod && conditionOf(pod, 'DisruptionTarget');
      if (condition?.status !== 'True' || isTerminating(pod!) || isFinished(pod!)) return;
      if (condition.reason === 'TerminationByKubelet') return;
      const left = Date.parse(condition.lastTransitionTime ?? '') + staleDisruptionMs - clock.now();
      if (left > 0) return queue.addAfter(key, left);
      const now = timestamp(clock);
      const over = {
        type: 'DisruptionTarget',
        status: 'False',
        lastTransitionTime: now,
        reason: null,
        message: null,
      };
      await unlessGone(
        client.patch(resources.pods, pod!.metadata, {
          type: 'application/strategic-merge-patch+json',
          body: { metadata: { uid: pod!.metadata.uid }, status: { conditions: [over] } },
          subresource: 'status',
        }),
      );
    },
  });

  budgets.onChange(({ old, new: now }) => queue.add(keyOf((now ?? old)!)));
  pods.onChange(({ old, new: now }) => {
    const { namespace = '' } = (now ?? old)!.metadata;
    for (const budget of budgets.byIndex('namespace', namespace)) {
      const matches = compileSelector(budget.spec?.selector);
      if ([old, now].some((pod) => pod && matches(pod.metadata.labels))) queue.add(keyOf(budget));
    }
    if (now !== undefined && conditionOf(now, 'DisruptionTarget')) stale.queue.add(keyOf(now));
  });
  return {
    name: controller.name,
    start() {
      controller.start();
      stale.controller.start();
    },
    stop() {
      controller.stop();
      stale.controller.stop();
    },
  };
}

function unmanagedText({ spec }: PodDisruptionBudget): string {
  const selector = formatSelector(spec?.selector ?? {});
  return `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
}
