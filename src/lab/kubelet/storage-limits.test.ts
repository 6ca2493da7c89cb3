import { describe, expect, test } from 'vitest';
import type { Pod } from '../../kube/types.ts';
import { evictionMessage, isStorageLimited, type StorageUse, storedVolumes } from './storage-limits.ts';

const Mi = 2 ** 20;

const pod = (spec: object): Pod =>
  ({ metadata: { name: 'web' }, spec: { containers: [{ name: 'app' }], ...spec } }) as unknown as Pod;

const container = (name: string, limit: string) => ({
  name,
  resources: { limits: { 'ephemeral-storage': limit } },
});

const use = (volumes: Record<string, number>, containers: Record<string, number> = {}): StorageUse => ({
  volumes: new Map(Object.entries(volumes)),
  containers: new Map(Object.entries(containers)),
  etc: 4096,
});

describe('a pod is evicted', () => {
  test.each<[string, object, StorageUse, string | undefined]>([
    ['for nothing where it has no limit', {}, use({ v: 2 ** 40 }, { app: 2 ** 40 }), undefined],
    [
      'for an emptyDir over its limit',
      { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1024Ki' } }] },
      use({ v: Mi + 1 }),
      'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    ],
    [
      'not for one that is just full',
      { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] },
      use({ v: Mi }),
      undefined,
    ],
    [
      'not for one whose limit is 0',
      { volumes: [{ name: 'v', emptyDir: { sizeLimit: '0' } }] },
      use({ v: Mi }),
      undefined,
    ],
    [
      'for all that it takes, volumes and files of its own included',
      { containers: [container('a', '1Mi'), container('b', '1Mi'), { name: 'c' }] },
      use({ v: Mi }, { a: Mi, b: 0, c: 0 }),
      'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
    ],
    [
      'for what one container takes beyond its own',
      { containers: [container('a', '1M'), container('b', '3M')] },
      use({}, { a: 1_000_001, b: 0 }),
      'Container a exceeded its local ephemeral storage limit "1M". ',
    ],
  ])('%s', (_what, spec, used, message) => {
    expect(evictionMessage(pod(spec), used)).toBe(message);
  });
});

test('what has to be measured', () => {
  expect(isStorageLimited(pod({}))).toBe(false);
  expect(isStorageLimited(pod({ initContainers: [container('init', '1Gi')] }))).toBe(true);
  const critical = { priority: 2_000_001_000, containers: [container('app', '1Gi')] };
  expect(isStorageLimited(pod(critical))).toBe(false);
  expect(isStorageLimited(pod({ volumes: [{ name: 'v', emptyDir: { sizeLimit: 1000 } }] }))).toBe(true);
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'config', configMap: { name: 'c' } },
    { name: 'secret', secret: { secretName: 's' } },
  ];
  expect(storedVolumes(pod({ volumes }))).toEqual(['disk', 'config']);
});
