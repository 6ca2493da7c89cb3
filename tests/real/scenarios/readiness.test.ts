import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/kube/meta.ts';
import { missing } from './readiness.ts';

const at = (name: string, more = {}) => ({ name, namespace: 'default', ...more }) as KubeObject['metadata'];

const pod = (ready: string) =>
  ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: at('web-0', { labels: { app: 'web' } }) },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
  }) as KubeObject;

const workload = (readyReplicas: number, observedGeneration = 2) =>
  ({
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: at('web', { generation: 2 }) },
    spec: { replicas: 1 },
    status: { observedGeneration, readyReplicas },
  }) as KubeObject;

const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: at('web') },
  spec: { selector: { app: 'web' }, ipFamilies: ['IPv4', 'IPv6'] },
} as KubeObject;

const slice = (family: string) =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    ...{
      kind: 'EndpointSlice',
      metadata: at(`web-${family}`, { labels: { 'kubernetes.io/service-name': 'web' } }),
    },
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
  }) as KubeObject;

test.each([
  [[pod('True'), workload(1), service, slice('IPv4'), slice('IPv6')], []],
  [[pod('False'), workload(1), service], ['pod default/web-0: Running']],
  [[workload(0)], ['StatefulSet web: 0 of 1 ready']],
  [[workload(1, 1)], ['StatefulSet web: 1 of 1 ready']],
  [[pod('True'), service, slice('IPv4')], ['Service web: 1 of 2 endpoints']],
])('case %#', (objects, expected) => {
  expect(missing(objects)).toEqual(expected);
});
