/** When a CronJob is due: the semantics of mostRecentScheduleTime and its like (pkg/controller/cronjob/utils.go). */
import type { CronJob } from '../../../kube/types.ts';
import type { Schedule } from '../../../util/cron/schedule.ts';

/** Clocks drift: it is looked at this much later than it is due. */
const paddingMs = 100;
const manyMissed = 100;

interface Recent {
  /** From when on starts are looked for, in ms. */
  earliest: number;
  /** The last start up to now; undefined where none is due. */
  time: number | undefined;
  missed: 'none' | 'few' | 'many';
}

/** Throws Error for a schedule that never comes. */
function mostRecent(cronJob: CronJob, now: number, schedule: Schedule, heedDeadline: boolean): Recent {
  const earliest = earliestTime(cronJob, now, heedDeadline);
  const first = schedule.next(earliest);
  if (first !== undefined && now < first) return { earliest, time: undefined, missed: 'none' };
  const second = first === undefined ? undefined : schedule.next(first);
  if (second !== undefined && now < second) return { earliest, time: first, missed: 'none' };
  if (first === undefined || second === undefined || second - first < 1000)
    throw new Error('time difference between two schedules is less than 1 second');
  // A rough count, as if all intervals were as long as the first.
  const interval = Math.round((second - first) / 1000) * 1000;
  const count = Math.floor((now - first) / interval) + 1;
  let time: number | undefined;
  for (
    let at = schedule.next(first + (count - 2) * interval);
    at !== undefined && at <= now;
    at = schedule.next(at)
  )
    time = at;
  return { earliest, time, missed: count > manyMissed ? 'many' : count > 0 ? 'few' : 'none' };
}

function earliestTime({ metadata, spec, status }: CronJob, now: number, heedDeadline: boolean): number {
  const last = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp);
  const deadline = spec?.startingDeadlineSeconds;
  if (!heedDeadline || deadline === undefined) return last;
  return Math.max(last, now - deadline * 1000);
}

/** The start that is due, in ms; undefined where none is. Throws as `mostRecent` does. */
export function dueTime(
  cronJob: CronJob,
  now: number,
  schedule: Schedule,
): { time: number | undefined; tooManyMissed: boolean } {
  const { time, missed } = mostRecent(cronJob, now, schedule, true);
  return { time, tooManyMissed: time !== undefined && missed === 'many' };
}

/** How long until the next start, in ms; undefined where none comes. */
export function msUntilNext(cronJob: CronJob, now: number, schedule: Schedule): number | undefined {
  const next = schedule.next(lastBefore(cronJob, now, schedule));
  return next === undefined ? undefined : next + paddingMs - now;
}

function lastBefore(cronJob: CronJob, now: number, schedule: Schedule): number {
  try {
    const { earliest, time, missed } = mostRecent(cronJob, now, schedule, false);
    return time ?? (missed === 'none' ? earliest : now);
  } catch {
    return now;
  }
}
