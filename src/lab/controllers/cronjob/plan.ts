/** What a CronJob's sync does: its status, the Jobs that go, the one that starts (syncCronJob, cleanupFinishedJobs). Pure. */
import type { CronJob, Job } from '../../../kube/types.ts';
import { parseSchedule, type Schedule } from '../../../util/cron/schedule.ts';
import { Zone } from '../../../util/cron/zone.ts';
import { dueTime, msUntilNext } from './times.ts';

export type Status = NonNullable<CronJob['status']>;
export type JobReference = NonNullable<Status['active']>[number];

export interface CronJobInput {
  cronJob: CronJob;
  /** Those that it controls. */
  jobs: readonly Job[];
  /** Uids of active ones that are no more. */
  missing: ReadonlySet<string>;
  /** ms since the epoch. */
  now: number;
}

export interface Said {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

export interface CronJobPlan {
  status: Status;
  events: Said[];
  /** Finished ones beyond the limits, the oldest first. */
  remove: Job[];
  /** The start that is due, in ms. */
  start: number | undefined;
  /** Active ones that make room for it. */
  replace: JobReference[];
  recheckMs: number | undefined;
}

export function planCronJob(input: CronJobInput): CronJobPlan {
  const { cronJob } = input;
  const remove = surplus(input);
  const { status, events } = follow(input, new Set(remove.map(({ metadata }) => metadata.uid)));
  const nothing = { start: undefined, replace: [], recheckMs: undefined };
  if (cronJob.metadata.deletionTimestamp) return { ...nothing, status, events, remove };
  const decided = decide({ ...cronJob, status }, input.now);
  return { ...nothing, ...decided, status, remove, events: [...events, ...(decided.events ?? [])] };
}

export function finishedAs({ status }: Job): 'Complete' | 'Failed' | undefined {
  const end = status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  return end?.type as 'Complete' | 'Failed' | undefined;
}

function surplus({ cronJob: { spec }, jobs }: CronJobInput): Job[] {
  const beyond = (end: 'Complete' | 'Failed', limit: number | undefined) => {
    const ended = jobs.filter((job) => finishedAs(job) === end).sort(byStartTime);
    return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [
    ...beyond('Complete', spec?.successfulJobsHistoryLimit),
    ...beyond('Failed', spec?.failedJobsHistoryLimit),
  ];
}

/** Those that never started come last. */
function byStartTime(a: Job, b: Job): number {
  const time = ({ status }: Job) => Date.parse(status?.startTime ?? '') || Number.POSITIVE_INFINITY;
  const [first, second] = [time(a), time(b)];
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** The status as the Jobs have it. */
function follow({ cronJob, jobs, missing }: CronJobInput, removed: ReadonlySet<string>) {
  const events: Said[] = [];
  let { active = [], lastSuccessfulTime } = cronJob.status ?? {};
  const drop = (uid: string | undefined) => {
    active = active.filter((reference) => reference.uid !== uid);
  };
  for (const uid of removed) drop(uid);
  for (const job of jobs) {
    const { uid, name } = job.metadata;
    const end = finishedAs(job);
    const isActive = active.some((reference) => reference.uid === uid);
    if (end === undefined && !isActive)
      events.push(
        warning('UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`),
      );
    if (end !== undefined && isActive) {
      drop(uid);
      events.push(normal('SawCompletedJob', `Saw completed job: ${name}, condition: ${end}`));
    }
    const { completionTime } = job.status ?? {};
    if (end !== 'Complete' || completionTime === undefined) continue;
    if (lastSuccessfulTime === undefined || Date.parse(completionTime) > Date.parse(lastSuccessfulTime))
      lastSuccessfulTime = completionTime;
  }
  for (const { uid, name } of active) {
    if (!missing.has(uid ?? '')) continue;
    drop(uid);
    events.push(normal('MissingJob', `Active job went missing: ${name}`));
  }
  return { status: statusOf(cronJob, { active, lastSuccessfulTime }), events };
}

function statusOf({ status }: CronJob, { active, lastSuccessfulTime }: Status): Status {
  return {
    ...(active?.length ? { active } : {}),
    ...(status?.lastScheduleTime === undefined ? {} : { lastScheduleTime: status.lastScheduleTime }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
  };
}

type Decision = Partial<Pick<CronJobPlan, 'events' | 'start' | 'replace' | 'recheckMs'>>;

/** Whether a start is due, and may be. */
function decide(cronJob: CronJob, now: number): Decision {
  const { spec, status } = cronJob;
  if (spec?.suspend === true) return {};
  const schedule = scheduleOf(cronJob);
  if ('events' in schedule) return schedule;
  let due: ReturnType<typeof dueTime>;
  try {
    due = dueTime(cronJob, now, schedule);
  } catch (error) {
    const why = `invalid schedule: ${spec?.schedule} : ${(error as Error).message}`;
    return { events: [warning('InvalidSchedule', why)] };
  }
  const recheckMs = msUntilNext(cronJob, now, schedule);
  const events = due.tooManyMissed ? [tooMany] : [];
  const { time } = due;
  if (time === undefined) return { recheckMs, events };
  const deadline = spec?.startingDeadlineSeconds;
  if (deadline !== undefined && time + deadline * 1000 < now)
    return { recheckMs, events: [...events, missed(time)] };
  const active = status?.active ?? [];
  const known = active.some(({ name }) => name === jobName(cronJob, time));
  if (known || Date.parse(status?.lastScheduleTime ?? '') === time) return { recheckMs, events };
  if (spec?.concurrencyPolicy === 'Forbid' && active.length > 0)
    return { recheckMs, events: [...events, alreadyActive] };
  return { recheckMs, events, start: time, replace: spec?.concurrencyPolicy === 'Replace' ? active : [] };
}

/** Its schedule, or what is wrong with it. */
export function scheduleOf({ spec }: CronJob): Schedule | { events: Said[] } {
  const { schedule = '', timeZone } = spec ?? {};
  try {
    if (timeZone !== undefined) new Zone(timeZone);
  } catch (error) {
    const why = `invalid timeZone: ${JSON.stringify(timeZone)}: ${(error as Error).message}`;
    return { events: [warning('UnknownTimeZone', why)] };
  }
  try {
    return parseSchedule(schedule, timeZone);
  } catch (error) {
    const why = `unparseable schedule: ${JSON.stringify(schedule)} : ${(error as Error).message}`;
    return { events: [warning('UnparseableSchedule', why)] };
  }
}

/** The same for the same start, so that it is made once. */
export function jobName({ metadata }: CronJob, start: number): string {
  return `${metadata.name}-${Math.floor(start / 60_000)}`;
}

const normal = (reason: string, message: string): Said => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): Said => ({ type: 'Warning', reason, message });

const tooMany = warning(
  'TooManyMissedTimes',
  'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
);
const alreadyActive = normal(
  'JobAlreadyActive',
  'Not starting job because prior execution is running and concurrency policy is Forbid',
);
const missed = (time: number) =>
  warning(
    'MissSchedule',
    `Missed scheduled time to start a job: ${new Date(time).toUTCString().replace('GMT', '+0000')}`,
  );
