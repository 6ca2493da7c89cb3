/**
 * The kinds that kube-scheduler lists before it binds its first pod, beyond those that a lab acts on: they are stored,
 * so that it, and whatever else was made for a whole cluster, finds them. Defaults as of Kubernetes' pkg/apis.
 */
import { invalidValue, required } from '../../validation/field-error.ts';
import { setTemplateDefaults } from '../apps/workload.ts';
import { resource } from '../built-in-resource.ts';
import type { Resource, Strategy } from '../resource.ts';

const controllerStrategy: Strategy = {
  setDefaults(controller) {
    const spec = setTemplateDefaults(controller);
    const labels = spec.template?.metadata?.labels;
    if (labels && Object.keys(labels).length > 0) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      controller.metadata.labels ??= { ...labels };
    }
    spec.replicas ??= 1;
  },
  prepareForCreate(controller) {
    controller.status = { replicas: 0 };
  },
  validate({ spec }) {
    const labels = spec.template?.metadata?.labels ?? {};
    const selector = Object.entries(spec.selector ?? {});
    if (selector.length === 0) return [required('spec.selector')];
    return selector.every(([key, value]) => labels[key] === value)
      ? []
      : [
          invalidValue(
            'spec.template.metadata.labels',
            labels,
            '`selector` does not match template `labels`',
          ),
        ];
  },
};

const volumeStrategy: Strategy = {
  setDefaults(volume) {
    volume.spec ??= {};
    volume.spec.persistentVolumeReclaimPolicy ||= 'Retain';
    volume.spec.volumeMode ||= 'Filesystem';
  },
  prepareForCreate(volume) {
    volume.status = { phase: 'Pending' };
  },
  validate: ({ spec }) =>
    spec.accessModes?.length ? [] : [required('spec.accessModes', 'at least 1 access mode is required')],
};

const storageClassStrategy: Strategy = {
  setDefaults(storageClass) {
    storageClass.reclaimPolicy ||= 'Delete';
    storageClass.volumeBindingMode ||= 'Immediate';
  },
  validate: ({ provisioner }) => (provisioner ? [] : [required('provisioner')]),
};

const driverStrategy: Strategy = {
  setDefaults(driver) {
    driver.spec ??= {};
    driver.spec.attachRequired ??= true;
    driver.spec.podInfoOnMount ??= false;
    driver.spec.storageCapacity ??= false;
    driver.spec.fsGroupPolicy ||= 'ReadWriteOnceWithFSType';
    driver.spec.requiresRepublish ??= false;
    driver.spec.seLinuxMount ??= false;
    if (!driver.spec.volumeLifecycleModes?.length) driver.spec.volumeLifecycleModes = ['Persistent'];
  },
};

const kept = 'No volume is made or attached here: it is stored';
const noDevices = 'No device is given to pods here: it is stored';

export const schedulingResources: readonly Resource[] = [
  resource('v1', 'ReplicationController', 'replicationcontrollers', {
    shortNames: ['rc'],
    categories: ['all'],
    status: true,
    strategy: controllerStrategy,
    fieldSelectors: ['status.replicas'],
    kept: 'ReplicationControllers are stored here, and make no pods',
  }),
  resource('v1', 'PersistentVolume', 'persistentvolumes', {
    shortNames: ['pv'],
    clusterScoped: true,
    status: true,
    strategy: volumeStrategy,
    kept,
  }),
  resource('storage.k8s.io/v1', 'StorageClass', 'storageclasses', {
    shortNames: ['sc'],
    clusterScoped: true,
    strategy: storageClassStrategy,
    kept,
  }),
  resource('storage.k8s.io/v1', 'CSIDriver', 'csidrivers', {
    clusterScoped: true,
    strategy: driverStrategy,
    kept,
  }),
  resource('storage.k8s.io/v1', 'CSINode', 'csinodes', { clusterScoped: true, kept }),
  resource('storage.k8s.io/v1', 'CSIStorageCapacity', 'csistoragecapacities', { kept }),
  resource('storage.k8s.io/v1', 'VolumeAttachment', 'volumeattachments', {
    clusterScoped: true,
    status: true,
    kept,
  }),
  resource('resource.k8s.io/v1', 'DeviceClass', 'deviceclasses', { clusterScoped: true, kept: noDevices }),
  resource('resource.k8s.io/v1', 'ResourceClaim', 'resourceclaims', { status: true, kept: noDevices }),
  resource('resource.k8s.io/v1', 'ResourceSlice', 'resourceslices', {
    clusterScoped: true,
    fieldSelectors: ['spec.nodeName', 'spec.driver'],
    kept: noDevices,
  }),
];
