/** Runs the pods of Jobs until they have come to their end. */
import { keyOf, type NewObject } from '../../../kube/meta.ts';
import { apiVersionOf, resources } from '../../../kube/resources.ts';
import type { Job, Pod } from '../../../kube/types.ts';
import { createPodControl } from '../pods/pod-control.ts';
import { familyOf, podsByOwner, watchFamilies } from '../pods/pod-family.ts';
import { controllerReference, podOf } from '../pods/pod-template.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { writeStatus } from '../runtime/status-writer.ts';
import { indexAnnotation } from './indexes.ts';
import { planJob, trackingFinalizer } from './plan.ts';

const type = resources.jobs;
const reference = { apiVersion: apiVersionOf(type), kind: type.kind };
const component = 'job-controller';

export function jobController(context: ControllerContext): Controller {
  const { client, informers, clock, events } = context;
  const pods = podsByOwner(informers);
  const jobs = informers.store(type);
  const expectations = new Expectations(clock);
  const podControl = createPodControl(context, { component, type: reference, keyOf, expectations });

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const job = jobs.get(key);
      if (job === undefined) return;
      const family = familyOf(job, pods);
      await podControl.settle(job, family);
      const settled = expectations.satisfied(key);
      const plan = planJob({ job, pods: [...family.owned, ...family.adopt], settled, now: clock.now() });
      if (plan.expired) {
        const { uid } = job.metadata;
        await unlessGone(
          client.delete(type, job.metadata, { propagationPolicy: 'Foreground', preconditions: { uid } }),
        );
        return;
      }
      if (plan.recheckMs !== undefined) queue.addAfter(key, plan.recheckMs);
      // What is counted is in the status before its pod is let go.
      await writeStatus(client, type, { object: job, status: withoutAbsent(plan.status) });
      announce(job, plan.status);
      const work = [
        ...plan.untrack.map(untrack),
        ...plan.create.map((index) => podControl.create(job, newPod(job, index))),
        ...plan.remove.map((pod) => podControl.remove(job, pod)),
      ];
      const results = await Promise.allSettled(work);
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  });

  const untrack = async ({ metadata }: Pod) => {
    const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== trackingFinalizer);
    const body = { metadata: { uid: metadata.uid, finalizers: finalizers.length > 0 ? finalizers : null } };
    await unlessGone(client.patch(resources.pods, metadata, { type: 'application/merge-patch+json', body }));
  };

  const announce = (job: Job, { conditions = [] }: NonNullable<Job['status']>) => {
    const known = new Set(job.status?.conditions?.map(({ type }) => type));
    for (const { type, reason, message } of conditions) {
      if (known.has(type) || (type !== 'Complete' && type !== 'Failed')) continue;
      events.record(
        job,
        type === 'Complete'
          ? { type: 'Normal', reason: 'Completed', message: 'Job completed', component }
          : { type: 'Warning', reason: reason ?? '', message: message ?? '', component },
      );
    }
  };

  watchFamilies({ pods, workloads: jobs, type, expectations, changed: queue.add });
  // A Job that is gone waits for no pods: those it left are let go.
  jobs.onChange(({ old, new: now }) => {
    if (now !== undefined || old === undefined) return;
    for (const pod of pods.byIndex('owner', old.metadata.uid)) untrack(pod).catch(() => {});
  });
  return controller;
}

/** A merge patch takes away what is null. */
function withoutAbsent(status: NonNullable<Job['status']>): object {
  return Object.fromEntries(Object.entries(status).map(([key, value]) => [key, value ?? null]));
}

function newPod(job: Job, index: number | undefined): NewObject<Pod> {
  const { namespace, name } = job.metadata;
  const pod = podOf(job.spec!.template, { namespace, owner: controllerReference(job, reference) });
  const finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined)
    return { ...pod, metadata: { ...pod.metadata, generateName: `${name}-`, finalizers } };
  const labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  const annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index) };
  const spec = pod.spec!;
  const withIndex = (containers: typeof spec.containers = []) =>
    containers.map((container) => ({
      ...container,
      env: [
        ...(container.env ?? []),
        {
          name: 'JOB_COMPLETION_INDEX',
          valueFrom: { fieldRef: { fieldPath: `metadata.labels['${indexAnnotation}']` } },
        },
      ],
    }));
  return {
    ...pod,
    metadata: { ...pod.metadata, generateName: `${name}-${index}-`, labels, annotations, finalizers },
    spec: {
      ...spec,
      hostname: `${name}-${index}`,
      containers: withIndex(spec.containers),
      ...(spec.initContainers && { initContainers: withIndex(spec.initContainers) }),
    },
  };
}
