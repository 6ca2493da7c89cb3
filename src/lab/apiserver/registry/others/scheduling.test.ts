import { expect, test } from 'vitest';
import type { JsonObject } from '../../json.ts';
import { schedulingResources } from './scheduling.ts';

const strategyOf = (kind: string) => schedulingResources.find((resource) => resource.kind === kind)!.strategy;

test('a ReplicationController takes selector and labels from its template', () => {
  const labels = { app: 'a' };
  const controller = {
    metadata: { name: 'a' },
    spec: { template: { metadata: { labels }, spec: {} } },
  } as JsonObject;
  const strategy = strategyOf('ReplicationController');
  strategy.setDefaults!(controller);
  strategy.prepareForCreate!(controller);
  expect(controller).toMatchObject({
    metadata: { labels },
    spec: { replicas: 1, selector: labels },
    status: { replicas: 0 },
  });
  expect(strategy.validate!(controller)).toEqual([]);
  controller.spec.selector = { app: 'b' };
  expect(strategy.validate!(controller)).toMatchObject([{ field: 'spec.template.metadata.labels' }]);
});

test.each([
  ['StorageClass', { provisioner: 'p' }, { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' }],
  [
    'PersistentVolume',
    { spec: { accessModes: ['ReadWriteOnce'] } },
    { spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' } },
  ],
  ['CSIDriver', {}, { spec: { attachRequired: true, volumeLifecycleModes: ['Persistent'] } }],
])('what a %s leaves out', (kind, object, filled) => {
  const strategy = strategyOf(kind);
  strategy.setDefaults!(object);
  expect(object).toMatchObject(filled);
  expect(strategy.validate?.(object) ?? []).toEqual([]);
});

test('every kind says that nothing acts on it', () => {
  expect(schedulingResources.filter(({ keptOnly }) => keptOnly === undefined)).toEqual([]);
});
