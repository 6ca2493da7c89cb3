import { expect, test } from 'vitest';
import type { Container } from '../../../kube/types.ts';
import { podRequests } from './pod-requests.ts';

const container = (cpu: string, restartPolicy?: 'Always'): Container => ({
  name: 'c',
  resources: { requests: { cpu } },
  restartPolicy,
});

test.each([
  ['containers add up', { containers: [container('100m'), container('250m')] }, 350],
  [
    'an init container runs alone',
    { initContainers: [container('1')], containers: [container('100m')] },
    1000,
  ],
  [
    'a sidecar runs beside all',
    { initContainers: [container('200m', 'Always')], containers: [container('100m')] },
    300,
  ],
  [
    'and beside later init containers',
    { initContainers: [container('200m', 'Always'), container('1')], containers: [container('100m')] },
    1200,
  ],
  ['overhead comes on top', { containers: [container('100m')], overhead: { cpu: '50m' } }, 150],
])('%s', (_what, spec, cpu) => {
  expect(podRequests(spec).get('cpu')).toBe(cpu);
});
