/** Starts Jobs when CronJobs say so, and clears away those that ended (pkg/controller/cronjob). */
import { isAlreadyExists, isNotFound } from '../../../kube/client/api-error.ts';
import { deepEqual } from '../../../kube/deep-equal.ts';
import { controllerOf, keyOf, type NewObject } from '../../../kube/meta.ts';
import { apiVersionOf, resources } from '../../../kube/resources.ts';
import type { CronJob, Job } from '../../../kube/types.ts';
import { formatInZone, Zone } from '../../../util/cron/zone.ts';
import { describeError } from '../../../util/errors.ts';
import { controllerReference } from '../pods/pod-template.ts';
import {
  type Controller,
  type ControllerContext,
  keyedController,
  unlessGone,
} from '../runtime/controller.ts';
import {
  type CronJobPlan,
  type JobReference,
  jobName,
  planCronJob,
  type Said,
  type Status,
  scheduleOf,
} from './plan.ts';
import { msUntilNext } from './times.ts';

const type = resources.cronJobs;
const reference = { apiVersion: apiVersionOf(type), kind: type.kind };
const component = 'cronjob-controller';

export function cronJobController(context: ControllerContext): Controller {
  const { client, informers, clock, events } = context;
  const cronJobs = informers.store(type);
  const jobs = informers.store(resources.jobs);
  jobs.addIndex('cronjob', (job) => ownerKey(job) ?? []);

  const say = (cronJob: CronJob, said: Said) => events.record(cronJob, { ...said, component });

  /** The store may lag behind: what it lacks is asked for. */
  const missingOf = async (cronJob: CronJob, known: readonly Job[]): Promise<Set<string>> => {
    const missing = new Set<string>();
    for (const { uid = '', name = '', namespace } of cronJob.status?.active ?? []) {
      if (known.some((job) => job.metadata.uid === uid)) continue;
      const found = await client.get(resources.jobs, { namespace, name }).catch(unlessMissing);
      if (found === undefined) missing.add(uid);
    }
    return missing;
  };

  const remove = async (
    cronJob: CronJob,
    { namespace, name = '' }: { namespace?: string; name?: string },
  ) => {
    try {
      await client.delete(resources.jobs, { namespace, name }, { propagationPolicy: 'Background' });
      say(cronJob, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${name}` });
    } catch (error) {
      const message = `Deleted job: ${describeError(error)}`;
      if (!isNotFound(error)) say(cronJob, { type: 'Warning', reason: 'FailedDelete', message });
      if (!isNotFound(error)) throw error;
    }
  };

  /** The new Job's reference; undefined where another made it. */
  const start = async (cronJob: CronJob, time: number): Promise<JobReference | undefined> => {
    const job = newJob(cronJob, time);
    try {
      const created = await client.create(resources.jobs, job);
      const message = `Created job ${created.metadata.name}`;
      say(cronJob, { type: 'Normal', reason: 'SuccessfulCreate', message });
      return referenceTo(created);
    } catch (error) {
      if (isAlreadyExists(error)) {
        const there = await client.get(resources.jobs, job.metadata as { name: string });
        return controllerOf(there)?.uid === cronJob.metadata.uid ? referenceTo(there) : undefined;
      }
      const message = `Error creating job: ${describeError(error)}`;
      say(cronJob, { type: 'Warning', reason: 'FailedCreate', message });
      throw error;
    }
  };

  /** The status after the start that is due. */
  const startDue = async (cronJob: CronJob, plan: CronJobPlan): Promise<Status> => {
    if (plan.start === undefined) return plan.status;
    for (const job of plan.replace) await remove(cronJob, job);
    const made = await start(cronJob, plan.start);
    if (made === undefined) return plan.status;
    const kept = plan.replace.length > 0 ? [] : (plan.status.active ?? []);
    const others = kept.filter(({ uid }) => uid !== made.uid);
    const lastScheduleTime = `${new Date(plan.start).toISOString().slice(0, 19)}Z`;
    return { ...plan.status, active: [...others, made], lastScheduleTime };
  };

  const { controller, queue } = keyedController(context, {
    name: component,
    async sync(key, queue) {
      const cronJob = cronJobs.get(key);
      if (cronJob === undefined) return;
      const own = jobs.byIndex('cronjob', key);
      const missing = await missingOf(cronJob, own);
      const plan = planCronJob({ cronJob, jobs: own, missing, now: clock.now() });
      for (const said of plan.events) say(cronJob, said);
      for (const job of plan.remove) await remove(cronJob, job.metadata);
      const status = await startDue(cronJob, plan);
      if (!deepEqual(cronJob.status ?? {}, status))
        await unlessGone(client.update(type, { ...cronJob, status }, 'status'));
      if (plan.recheckMs !== undefined) queue.addAfter(key, plan.recheckMs);
    },
  });

  jobs.onChange(({ old, new: now }) => {
    for (const job of [old, now]) for (const key of (job && ownerKey(job)) ?? []) queue.add(key);
  });
  cronJobs.onChange(({ old, new: now }) => {
    const key = keyOf((now ?? old)!);
    const wait = old && now && isRescheduled(old, now) ? waitOf(now, clock.now()) : 0;
    if (wait !== undefined) queue.addAfter(key, wait);
  });
  return controller;
}

const isRescheduled = ({ spec: a }: CronJob, { spec: b }: CronJob) =>
  a?.schedule !== b?.schedule || a?.timeZone !== b?.timeZone;

/** A new schedule does not make up for what it would have started before. */
function waitOf(cronJob: CronJob, now: number): number | undefined {
  const schedule = scheduleOf(cronJob);
  return 'events' in schedule ? 0 : msUntilNext(cronJob, now, schedule);
}

function ownerKey(job: Job): [string] | undefined {
  const owner = controllerOf(job);
  if (owner?.kind !== type.kind) return undefined;
  return [keyOf({ metadata: { namespace: job.metadata.namespace, name: owner.name } })];
}

function unlessMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

function referenceTo({ metadata: { name, namespace, uid, resourceVersion } }: Job): JobReference {
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion };
}

function newJob(cronJob: CronJob, time: number): NewObject<Job> {
  const { metadata = {}, spec } = cronJob.spec!.jobTemplate;
  const zone = new Zone(cronJob.spec!.timeZone ?? 'UTC');
  const scheduled = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': formatInZone(time, zone) };
  return {
    metadata: {
      name: jobName(cronJob, time),
      namespace: cronJob.metadata.namespace,
      labels: { ...metadata.labels },
      annotations: { ...metadata.annotations, ...scheduled },
      ownerReferences: [controllerReference(cronJob, reference)],
    },
    spec: structuredClone(spec!),
  };
}
