/** Source: kubernetes staging/src/k8s.io/endpointslice/util/trigger_time_tracker_test.go, in its cases. */
import { expect, test } from 'vitest';
import type { Pod, Service } from '../../../kube/types.ts';
import { meta, pod } from '../test-objects.ts';
import { planSlices } from './plan.ts';
import { TriggerTimes, triggerTimeAnnotation } from './trigger-time.ts';

const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
const service = (created: number): Service => ({
  ...{ apiVersion: 'v1', kind: 'Service' },
  metadata: meta('web', { creationTimestamp: at(created) }),
  spec: { ipFamilies: ['IPv4'], ports: [{ port: 80 }] },
});
const ready = (name: string, second: number): Pod => pod(name, { ready: at(second), ips: ['10.0.0.1'] });

/** What each sync says, where each has these pods. */
function times(created: number, ...syncs: Pod[][]): (string | undefined)[] {
  const tracker = new TriggerTimes();
  return syncs.map((pods) => tracker.next(service(created), pods));
}

test.each<[string, number, Pod[][], (number | undefined)[]]>([
  ['a Service without pods', 0, [[]], [0]],
  ['a Service with older pods', 5, [[ready('a', 1), ready('b', 2)]], [5]],
  ['a Service with newer pods', 0, [[ready('a', 1), ready('b', 2)]], [0]],
  ['nothing changed', 0, [[ready('a', 1)], [ready('a', 1)]], [0, undefined]],
  ['a pod came', 0, [[ready('a', 1)], [ready('a', 1), ready('b', 2)]], [0, 2]],
  ['a pod changed', 0, [[ready('a', 1)], [ready('a', 3)]], [0, 3]],
  ['the first of several counts', 0, [[ready('a', 1)], [ready('a', 4), ready('b', 3)]], [0, 3]],
  ['a pod went', 0, [[ready('a', 1), ready('b', 2)], [ready('a', 1)]], [0, undefined]],
  ['a pod without a Ready condition', 0, [[], [{ ...ready('a', 1), status: {} }]], [0, undefined]],
])('%s', (_what, created, syncs, expected) => {
  const texts = expected.map((second) => (second === undefined ? undefined : at(second)));
  expect(times(created, ...syncs)).toEqual(texts);
});

test('a Service that is made again is a new one', () => {
  const tracker = new TriggerTimes();
  expect(tracker.next(service(1), [])).toBe(at(1));
  expect(tracker.next(service(2), [])).toBe(at(2));
  tracker.forget('default/web');
  expect(tracker.next(service(2), [])).toBe(at(2));
});

test('slices that are written have the time, or none any more', () => {
  const state = { service: service(1), slices: [], node: () => undefined };
  const [made] = planSlices({ ...state, pods: [ready('a', 1)], triggerTime: at(1) }).create;
  expect(made?.metadata.annotations).toEqual({ [triggerTimeAnnotation]: at(1) });
  const annotations = { ...made!.metadata.annotations, others: 'stay' };
  const slice = { ...made!, metadata: { ...meta('web-1'), ...made!.metadata, annotations } };
  const slices = [slice as Parameters<typeof planSlices>[0]['slices'][number]];
  const changed = planSlices({ ...state, slices, pods: [ready('b', 3)], triggerTime: at(3) }).update;
  expect(changed[0]?.metadata.annotations).toEqual({ others: 'stay', [triggerTimeAnnotation]: at(3) });
  const gone = planSlices({ ...state, slices, pods: [ready('b', 3)] }).update;
  expect(gone[0]?.metadata.annotations).toEqual({ others: 'stay' });
  expect(planSlices({ ...state, slices, pods: [ready('a', 1)], triggerTime: at(3) }).update).toEqual([]);
});
