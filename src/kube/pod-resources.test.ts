import { expect, test } from 'vitest';
import { podLimits, podRequests } from './pod-resources.ts';
import type { Container } from './types.ts';

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

test('limits add up where there are any, without overhead', () => {
  const limited = (limits: Record<string, string>): Container => ({ name: 'c', resources: { limits } });
  const containers = [limited({ memory: '64Mi', cpu: '1' }), limited({ memory: '1Mi' }), container('1')];
  const limits = podLimits({ containers, overhead: { memory: '1Gi' } });
  expect([...limits]).toEqual([
    ['memory', 65 * 2 ** 20],
    ['cpu', 1000],
  ]);
});
