import { describe, expect, test } from 'vitest';
import type { CronJob, Job } from '../../../kube/types.ts';
import { meta } from '../test-objects.ts';
import { jobName, planCronJob, type Status } from './plan.ts';

type Spec = NonNullable<CronJob['spec']>;

const now = Date.parse('2026-06-01T10:05:30Z');

function cronJob(
  spec: Partial<Spec> = {},
  status: Status = { lastScheduleTime: '2026-06-01T10:04:00Z' },
): CronJob {
  const template = { spec: { template: { spec: { restartPolicy: 'Never', containers: [] } } } };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: meta('tick', { creationTimestamp: '2026-06-01T10:00:30Z' }),
    spec: { schedule: '* * * * *', jobTemplate: template as Spec['jobTemplate'], ...spec },
    status,
  };
}

function job(name: string, end?: 'Complete' | 'Failed', startTime = '2026-06-01T10:00:00Z'): Job {
  const conditions = end === undefined ? [] : [{ type: end, status: 'True' as const }];
  const completionTime = end === 'Complete' ? startTime.replace(':00Z', ':20Z') : undefined;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta(name),
    status: { startTime, conditions, ...(completionTime && { completionTime }) },
  };
}

const reference = (name: string) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  name,
  namespace: 'default',
  uid: `uid-${name}`,
});
const plan = (of: CronJob, jobs: Job[] = [], missing: string[] = []) =>
  planCronJob({ cronJob: of, jobs, missing: new Set(missing), now });
const time = (ms: number | undefined) => ms && new Date(ms).toISOString().replace('.000', '');
const reasons = (made: ReturnType<typeof plan>) => made.events.map(({ reason }) => reason);

describe('a start', () => {
  test.each<[string, Partial<Spec>, Status, string | undefined, string[]]>([
    [
      'is due after the last one',
      {},
      { lastScheduleTime: '2026-06-01T10:04:00Z' },
      '2026-06-01T10:05:00Z',
      [],
    ],
    ['is due after the creation', { schedule: '5 * * * *' }, {}, '2026-06-01T10:05:00Z', []],
    ['is made once', {}, { lastScheduleTime: '2026-06-01T10:05:00Z' }, undefined, []],
    ['is not due yet', { schedule: '0 * * * *' }, {}, undefined, []],
    [
      'of several missed is the last',
      {},
      { lastScheduleTime: '2026-06-01T09:10:00Z' },
      '2026-06-01T10:05:00Z',
      [],
    ],
    [
      'of very many is told',
      {},
      { lastScheduleTime: '2026-05-01T00:00:00Z' },
      '2026-06-01T10:05:00Z',
      ['TooManyMissedTimes'],
    ],
    ['waits while it is suspended', { suspend: true }, {}, undefined, []],
    [
      'is not made too late',
      { schedule: '0 * * * *', startingDeadlineSeconds: 300 },
      { lastScheduleTime: '2026-06-01T09:00:00Z' },
      undefined,
      [],
    ],
    ['is in its zone', { schedule: '5 19 * * *', timeZone: 'Asia/Tokyo' }, {}, '2026-06-01T10:05:00Z', []],
    ['in no zone is none', { timeZone: 'Nowhere/Else' }, {}, undefined, ['UnknownTimeZone']],
    ['by no schedule is none', { schedule: 'often' }, {}, undefined, ['UnparseableSchedule']],
    ['that never comes is none', { schedule: '0 0 31 2 *' }, {}, undefined, ['InvalidSchedule']],
  ])('%s', (_, spec, status, expected, said) => {
    const made = plan(cronJob(spec, status));
    expect([time(made.start), reasons(made)]).toEqual([expected, said]);
  });

  test('is looked for again when the next is due', () => {
    expect(plan(cronJob({}, { lastScheduleTime: '2026-06-01T10:05:00Z' })).recheckMs).toBe(30_100);
    expect(plan(cronJob({ schedule: '0 12 * * *' })).recheckMs).toBe(6_870_100);
  });

  test.each<[string, Spec['concurrencyPolicy'], string | undefined, string[], string[]]>([
    ['beside one that runs', 'Allow', '2026-06-01T10:05:00Z', [], []],
    ['never beside one', 'Forbid', undefined, [], ['JobAlreadyActive']],
    ['in its place', 'Replace', '2026-06-01T10:05:00Z', ['a'], []],
  ])('%s (%s)', (_, concurrencyPolicy, expected, replaced, said) => {
    const status = { active: [reference('a')], lastScheduleTime: '2026-06-01T10:04:00Z' };
    const made = plan(cronJob({ concurrencyPolicy }, status), [job('a')]);
    expect([time(made.start), made.replace.map(({ name }) => name), reasons(made)]).toEqual([
      expected,
      replaced,
      said,
    ]);
  });

  test('names its Job by its minute', () => {
    expect(jobName(cronJob(), Date.parse('2026-06-01T10:05:00Z'))).toBe('tick-29671805');
  });
});

describe('what became of Jobs', () => {
  const status = { active: [reference('a'), reference('b')], lastScheduleTime: '2026-06-01T10:05:00Z' };

  test('those that ended are active no more, and the last success is noted', () => {
    const made = plan(cronJob({}, status), [job('a', 'Complete'), job('b')]);
    expect(made.status).toEqual({
      ...status,
      active: [reference('b')],
      lastSuccessfulTime: '2026-06-01T10:00:20Z',
    });
    expect(reasons(made)).toEqual(['SawCompletedJob']);
  });

  test('nor are those that are gone', () => {
    const made = plan(cronJob({}, status), [job('b')], ['uid-a']);
    expect(made.status.active).toEqual([reference('b')]);
    expect(reasons(made)).toEqual(['MissingJob']);
  });

  test('one that was not started here is told', () => {
    expect(reasons(plan(cronJob({}, { lastScheduleTime: '2026-06-01T10:05:00Z' }), [job('c')]))).toEqual([
      'UnexpectedJob',
    ]);
  });

  test('the oldest of those that ended go', () => {
    const at = (minute: number) => `2026-06-01T09:0${minute}:00Z`;
    const jobs = [
      job('a', 'Complete', at(3)),
      job('b', 'Complete', at(1)),
      job('c', 'Complete', at(2)),
      job('d', 'Failed', at(1)),
    ];
    const limits = { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 };
    expect(plan(cronJob(limits), jobs).remove.map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
    expect(
      plan(cronJob({ failedJobsHistoryLimit: 0 }), jobs).remove.map(({ metadata }) => metadata.name),
    ).toEqual(['d']);
    expect(plan(cronJob(), jobs).remove).toEqual([]);
  });
});
