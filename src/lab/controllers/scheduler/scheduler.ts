/** Gives every pod without a node one, one pod after the other; bindings are on their way while the next is decided. */
import { isConflict, isNotFound } from '../../../kube/client/api-error.ts';
import { deepEqual } from '../../../kube/deep-equal.ts';
import { keyOf } from '../../../kube/meta.ts';
import { resourcePath, resources } from '../../../kube/resources.ts';
import type { Node, Pod } from '../../../kube/types.ts';
import { conditionOf, isFinished, isTerminating } from '../pods/pod-state.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { timestamp } from '../runtime/event-recorder.ts';
import { ClusterView } from './cluster-view.ts';
import { placePod } from './placement.ts';

const component = 'default-scheduler';

export function scheduler(context: ControllerContext): Controller {
  const { informers, events } = context;
  const pods = informers.store(resources.pods);
  const nodes = informers.store(resources.nodes);
  const namespaces = informers.store(resources.namespaces);
  const view = new ClusterView();
  /** Pods that fitted nowhere; they are tried again when something changed that may help. */
  const unschedulable = new Set<string>();

  const { controller, queue } = keyedController(context, {
    name: component,
    // One at a time: each decision counts on the ones before it.
    concurrency: 1,
    async sync(key) {
      const pod = pods.get(key);
      if (pod === undefined || !needsNode(pod) || view.isPlaced(key)) return;
      const placement = placePod(pod, view, (name) => namespaces.get(name)?.metadata.labels);
      if ('message' in placement) {
        unschedulable.add(key);
        await reportUnschedulable(context, pod, placement.message);
        return;
      }
      unschedulable.delete(key);
      view.setPod(pod, placement.nodeName);
      void bind(pod, placement.nodeName);
    },
  });

  const bind = async (pod: Pod, nodeName: string): Promise<void> => {
    try {
      await postBinding(context, pod, nodeName);
      const message = `Successfully assigned ${keyOf(pod)} to ${nodeName}`;
      events.record(pod, { type: 'Normal', reason: 'Scheduled', message, component });
    } catch (error) {
      const current = pods.get(keyOf(pod));
      if (!current?.spec?.nodeName) view.removePod(keyOf(pod));
      if (isNotFound(error) || isConflict(error)) return;
      context.logger.warn('a pod could not be bound, trying again', {
        pod: keyOf(pod),
        node: nodeName,
        error,
      });
      queue.addAfter(keyOf(pod), 100);
    }
  };

  const retryUnschedulable = () => {
    for (const key of unschedulable) queue.add(key);
  };

  pods.onChange(({ old, new: now }) => {
    const key = keyOf((now ?? old)!);
    if (now === undefined) {
      unschedulable.delete(key);
      view.removePod(key);
      retryUnschedulable();
    } else if (now.spec?.nodeName) {
      unschedulable.delete(key);
      view.setPod(now, now.spec.nodeName);
      if (!old?.spec?.nodeName || isFinished(now) !== isFinished(old)) retryUnschedulable();
    } else if (needsNode(now) && !deepEqual(old?.spec, now.spec)) {
      queue.add(key);
    }
  });
  nodes.onChange(({ old, new: now }) => {
    view.setNode((now ?? old)!.metadata.name, now);
    if (now !== undefined && mattersFor(old, now)) retryUnschedulable();
  });
  return controller;
}

function needsNode(pod: Pod): boolean {
  const ours = (pod.spec?.schedulerName ?? 'default-scheduler') === 'default-scheduler';
  const gated = (pod.spec?.schedulingGates?.length ?? 0) > 0;
  return ours && !gated && !pod.spec?.nodeName && !isTerminating(pod) && !isFinished(pod);
}

/** Heartbeats change nothing about where pods fit. */
function mattersFor(old: Node | undefined, now: Node): boolean {
  const relevant = (node: Node | undefined) => [node?.spec, node?.metadata.labels, node?.status?.allocatable];
  return !deepEqual(relevant(old), relevant(now));
}

function postBinding({ client }: ControllerContext, pod: Pod, nodeName: string): Promise<unknown> {
  const { namespace, name, uid } = pod.metadata;
  return client.request('POST', resourcePath(resources.pods, { namespace, name, subresource: 'binding' }), {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { namespace, name, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  });
}

async function reportUnschedulable(context: ControllerContext, pod: Pod, message: string): Promise<void> {
  const { client, events, clock } = context;
  events.record(pod, { type: 'Warning', reason: 'FailedScheduling', message, component });
  const before = conditionOf(pod, 'PodScheduled');
  if (before?.status === 'False' && before.message === message) return;
  const lastTransitionTime = before?.status === 'False' ? before.lastTransitionTime : timestamp(clock);
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime,
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  await unlessGone(
    client.patch(resources.pods, pod.metadata, {
      type: 'application/merge-patch+json',
      subresource: 'status',
      body: { status: { conditions: [...others, condition] } },
    }),
  );
}
