import { describe, expect, test } from 'vitest';
import type { Container, Pod } from '../../kube/types.ts';
import { containerLimits, podCgroupLimits, podLimit } from './resource-limits.ts';

const Mi = 2 ** 20;
const none = Number.POSITIVE_INFINITY;

function container(limits?: Record<string, string>, more: Partial<Container> = {}): Container {
  return { name: 'app', ...(limits ? { resources: { limits } } : {}), ...more };
}

function pod(containers: Container[], more: Partial<NonNullable<Pod['spec']>> = {}): Pod {
  return { metadata: { name: 'web' }, spec: { containers, ...more } } as Pod;
}

/** Of the pod, then of each container. */
function limitsOf(of: Pod) {
  const containers = [...(of.spec?.initContainers ?? []), ...of.spec!.containers];
  return [podCgroupLimits(of, { podPidsLimit: 100 }), ...containers.map((each) => containerLimits(of, each))];
}

describe('limits of a pod and its containers', () => {
  test('processes are limited for every pod, and nothing else where nothing is said', () => {
    expect(limitsOf(pod([container(), container({ memory: '0' })]))).toEqual([
      { pids: 100 },
      { pids: none },
      { pids: none },
    ]);
  });

  test('a container’s own; the pod’s are their sum', () => {
    const limited = container({ memory: '64Mi', cpu: '250m' });
    expect(limitsOf(pod([limited, limited]))).toEqual([
      { pids: 100, memory: 128 * Mi, cpu: 0.5 },
      { pids: none, memory: 64 * Mi, cpu: 0.25 },
      { pids: none, memory: 64 * Mi, cpu: 0.25 },
    ]);
  });

  test('where one container has none the pod has none, and all are counted', () => {
    expect(limitsOf(pod([container({ memory: '64Mi' }), container()]))).toEqual([
      { pids: 100, memory: none },
      { pids: none, memory: 64 * Mi },
      { pids: none, memory: none },
    ]);
  });

  test('the pod’s own limit stands before the sum', () => {
    const resources = { limits: { memory: '32Mi', cpu: '2' } };
    expect(limitsOf(pod([container({ memory: '64Mi' }), container()], { resources }))).toEqual([
      { pids: 100, memory: 32 * Mi, cpu: 2 },
      { pids: none, memory: 64 * Mi, cpu: none },
      { pids: none, memory: none, cpu: none },
    ]);
  });

  test('an init container runs before: the greater counts', () => {
    const of = pod([container({ memory: '64Mi' })], { initContainers: [container({ memory: '1Gi' })] });
    expect(podLimit(of, 'memory')).toBe(1024 * Mi);
    expect(podLimit(pod([container({ memory: '64Mi' })], { initContainers: [container()] }), 'memory')).toBe(
      undefined,
    );
  });
});
