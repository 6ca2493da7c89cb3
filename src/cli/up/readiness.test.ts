import { describe, expect, test } from 'vitest';
import type { KubeEvent, Pod } from '../../kube/types.ts';
import { explainPod, judge } from './readiness.ts';

const pod = (name: string, status: object = {}, metadata: object = {}) =>
  ({
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: { containers: [] },
    status,
  }) as unknown as Pod;
const ready = (name: string) =>
  pod(name, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
const deployment = (spec: object, status: object) => ({
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', generation: 2 },
  spec,
  status,
});

describe('readiness', () => {
  test('is when every pod is Ready or has finished, and every workload has its pods', () => {
    const pods = [
      ready('a'),
      pod('job', { phase: 'Succeeded' }),
      pod('old', {}, { deletionTimestamp: 'now' }),
    ];
    expect(judge(pods, [deployment({ replicas: 1 }, { observedGeneration: 2, replicas: 1 })])).toMatchObject({
      done: true,
      ready: 1,
      total: 1,
    });
  });

  test.each([
    { what: 'a pod that is not Ready', pods: [ready('a'), pod('b')], workloads: [] },
    {
      what: 'a workload that nobody has looked at',
      pods: [],
      workloads: [deployment({ replicas: 0 }, { observedGeneration: 1, replicas: 0 })],
    },
    {
      what: 'a workload with too few pods',
      pods: [ready('a')],
      workloads: [deployment({ replicas: 2 }, { observedGeneration: 2, replicas: 1 })],
    },
  ])('is not with $what', ({ pods, workloads }) => {
    expect(judge(pods, workloads).done).toBe(false);
  });
});

describe('why a pod is not Ready', () => {
  test('what its containers wait for, with how they last ended', () => {
    const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } };
    const lastState = { terminated: { exitCode: 3 } };
    expect(
      explainPod(pod('a', { containerStatuses: [{ name: 'sh', state, lastState, ready: false }] }), []),
    ).toBe('default/a: container sh: CrashLoopBackOff: back-off 10s (its last run ended with exit status 3)');
  });

  test('what the scheduler says', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
    ];
    expect(explainPod(pod('a', { conditions }), [])).toBe(
      'default/a: Unschedulable: 0/3 nodes are available',
    );
  });

  test('the last warnings about it, and about no other', () => {
    const event = (uid: string, message: string) =>
      ({ involvedObject: { uid }, type: 'Warning', reason: 'Unhealthy', message }) as unknown as KubeEvent;
    const events = [event('uid-a', 'probe failed'), event('uid-b', 'other')];
    expect(explainPod(pod('a'), events)).toBe('default/a: Unhealthy: probe failed');
  });

  test('else which containers are not ready', () => {
    expect(
      explainPod(
        pod('a', { containerStatuses: [{ name: 'web', state: { running: {} }, ready: false }] }),
        [],
      ),
    ).toBe('default/a: not ready: web');
  });
});
