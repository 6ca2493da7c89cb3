import { describe, expect, test } from 'vitest';
import type { Job, Pod } from '../../../kube/types.ts';
import { meta, type PodTraits, pod } from '../test-objects.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { planJob, trackingFinalizer } from './plan.ts';

type Spec = NonNullable<Job['spec']>;
type Status = NonNullable<Job['status']>;

const now = Date.UTC(2026, 5, 1);
const begun = { startTime: '2026-05-31T23:59:00Z' };

function job(spec: Partial<Spec> = {}, status: Status = begun): Job {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'main' }] } } as Spec['template'];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta('job'),
    spec: { completions: 1, parallelism: 1, backoffLimit: 6, ...spec, template: spec.template ?? template },
    status,
  };
}

function tracked(name: string, traits: PodTraits & { index?: number } = {}): Pod {
  const { index, ...rest } = traits;
  const annotations: Record<string, string> =
    index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(index) };
  const made = pod(name, { annotations, created: '2026-01-01T00:00:00Z', ...rest });
  return { ...made, metadata: { ...made.metadata, finalizers: [trackingFinalizer] } };
}

function plan(of: Job, pods: Pod[] = [], settled = true) {
  const made = planJob({ job: of, pods, settled, now });
  const names = (list: Pod[]) => list.map(({ metadata }) => metadata.name);
  return { ...made, remove: names(made.remove), untrack: names(made.untrack) };
}

const done = (name: string, more = {}) => tracked(name, { phase: 'Succeeded', ...more });
const failed = (name: string, more = {}) => tracked(name, { phase: 'Failed', ...more });
const types = ({ conditions = [] }: Status) => conditions.map(({ type, status }) => `${type} ${status}`);

describe('pods', () => {
  test.each<[string, Partial<Spec>, Pod[], number, string[]]>([
    ['one, for a Job that says nothing', {}, [], 1, []],
    ['as many at a time as parallelism', { completions: 5, parallelism: 2 }, [tracked('a')], 1, []],
    ['no more than are left to succeed', { completions: 3, parallelism: 3 }, [done('a'), done('b')], 1, []],
    [
      'fewer where parallelism was lowered',
      { completions: 9, parallelism: 1 },
      [tracked('a', { ready: true }), tracked('b')],
      0,
      ['b'],
    ],
    ['of a work queue, until one has succeeded', { completions: undefined, parallelism: 2 }, [], 2, []],
    [
      'of a work queue, no more after that',
      { completions: undefined, parallelism: 2 },
      [done('a'), tracked('b')],
      0,
      [],
    ],
    ['none while it is suspended', { suspend: true }, [tracked('a')], 0, ['a']],
  ])('%s', (_, spec, pods, create, remove) => {
    const made = plan(job(spec), pods);
    expect([made.create.length, made.remove]).toEqual([create, remove]);
  });

  test('nothing while the stores lag behind', () => {
    expect(plan(job(), [], false)).toMatchObject({ create: [], remove: [] });
  });

  test('after a failure the next waits, twice as long each time', () => {
    const at = (name: string, secondsAgo: number) =>
      failed(name, { created: new Date(now - secondsAgo * 1000).toISOString() });
    expect(plan(job(), [at('a', 4)])).toMatchObject({ create: [], recheckMs: 6000 });
    expect(plan(job(), [at('a', 40), at('b', 15)])).toMatchObject({ create: [], recheckMs: 5000 });
    expect(plan(job(), [at('a', 60), at('b', 21)]).create).toHaveLength(1);
  });

  test('of an Indexed Job: the free indexes, but those whose pods are on their way out', () => {
    const spec = { completionMode: 'Indexed', completions: 6, parallelism: 3 } as const;
    const pods = [
      done('a', { index: 0 }),
      tracked('b', { index: 2 }),
      tracked('c', { index: 1, terminating: true }),
    ];
    expect(plan(job(spec), pods)).toMatchObject({ create: [3, 4], status: { completedIndexes: '0' } });
  });
});

describe('counting', () => {
  test('a finished pod is noted, then let go, then counted', () => {
    const first = plan(job(), [done('a')]);
    expect(first).toMatchObject({
      untrack: [],
      status: { succeeded: 0, uncountedTerminatedPods: { succeeded: ['uid-a'] } },
    });
    const second = plan(job({}, first.status), [done('a')]);
    expect(second.untrack).toEqual(['a']);
    const third = plan(job({}, second.status), [pod('a', { phase: 'Succeeded' })]);
    expect(third.status).toMatchObject({ succeeded: 1, uncountedTerminatedPods: { succeeded: [] } });
    // Whether the pod is still there or not.
    expect(plan(job({}, third.status), []).status).toMatchObject({ succeeded: 1 });
  });

  test('a pod that somebody deletes has failed', () => {
    expect(plan(job(), [tracked('a', { terminating: true })]).status).toMatchObject({
      uncountedTerminatedPods: { failed: ['uid-a'] },
    });
  });
});

describe('the end', () => {
  test('enough have succeeded', () => {
    const { status, create } = plan(job(), [done('a')]);
    expect(types(status)).toEqual(['SuccessCriteriaMet True', 'Complete True']);
    expect([status.completionTime, status.active, create]).toEqual(['2026-06-01T00:00:00Z', 0, []]);
  });

  test('too many have failed: what runs is ended', () => {
    const made = plan(job({ backoffLimit: 1, parallelism: 2, completions: 2 }), [
      failed('a'),
      failed('b'),
      tracked('c'),
    ]);
    expect(made.remove).toEqual(['c']);
    expect(types(made.status)).toEqual(['FailureTarget True', 'Failed True']);
    expect(made.status.conditions?.at(-1)).toMatchObject({
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    });
  });

  test('containers that restart in their pod count too', () => {
    const template = {
      spec: { restartPolicy: 'OnFailure', containers: [{ name: 'main' }] },
    } as Spec['template'];
    const made = plan(job({ template, backoffLimit: 3 }), [tracked('a', { restarts: 3 })]);
    expect(types(made.status)).toContain('Failed True');
  });

  test('its time is over', () => {
    expect(types(plan(job({ activeDeadlineSeconds: 60 })).status)).toContain('Failed True');
    expect(plan(job({ activeDeadlineSeconds: 90 }))).toMatchObject({ recheckMs: 30_000 });
  });

  test('nothing follows it; it goes after its time to live', () => {
    const status = plan(job(), [done('a')]).status;
    const ended = (spec: Partial<Spec>) => plan(job(spec, status), []);
    expect(ended({})).toMatchObject({ create: [], expired: false, recheckMs: undefined });
    expect(ended({ ttlSecondsAfterFinished: 10 })).toMatchObject({ expired: false, recheckMs: 10_000 });
    expect(ended({ ttlSecondsAfterFinished: 0 })).toMatchObject({ expired: true });
    expect(types(ended({}).status)).toEqual(['SuccessCriteriaMet True', 'Complete True']);
  });

  test('suspended and resumed it begins anew', () => {
    const paused = plan(job({ suspend: true })).status;
    expect([types(paused), paused.startTime]).toEqual([['Suspended True'], undefined]);
    const resumed = plan(job({}, paused)).status;
    expect([types(resumed), resumed.startTime]).toEqual([['Suspended False'], '2026-06-01T00:00:00Z']);
  });
});

test.each(['', '0', '0,1', '0-2', '1,3-5,7,8,10'])('indexes %j are written as they are read', (text) => {
  expect(formatIndexes(parseIndexes(text))).toBe(text);
});
