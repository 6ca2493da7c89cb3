/** Defaults and validation of apps/v1, as pkg/apis/apps. */
import { equalJson, type JsonObject } from '../../json.ts';
import { type FieldError, fieldForbidden, invalidValue, notSupported } from '../../validation/field-error.ts';
import type { Strategy } from '../resource.ts';
import {
  setTemplateDefaults,
  validateCount,
  validateIntOrPercent,
  validateSelectorUpdate,
  validateWorkload,
} from './workload.ts';

const isZero = (value: unknown) => value === 0 || /^0+%?$/.test(String(value));

function deploymentDefaults(deployment: JsonObject): void {
  const spec = setTemplateDefaults(deployment);
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    spec.strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
}

function validateDeployment({ spec }: JsonObject): FieldError[] {
  const { type, rollingUpdate } = spec.strategy;
  const errors = validateWorkload(spec, 'deployment');
  if (type === 'Recreate' && rollingUpdate) {
    errors.push(
      fieldForbidden(
        'spec.strategy.rollingUpdate',
        "may not be specified when strategy `type` is 'Recreate'",
      ),
    );
  } else if (type !== 'Recreate' && type !== 'RollingUpdate') {
    errors.push(notSupported('spec.strategy', type, ['Recreate', 'RollingUpdate']));
  }
  if (type === 'RollingUpdate') {
    const at = 'spec.strategy.rollingUpdate';
    errors.push(
      ...validateIntOrPercent(rollingUpdate.maxUnavailable, `${at}.maxUnavailable`),
      ...validateIntOrPercent(rollingUpdate.maxSurge, `${at}.maxSurge`),
    );
    if (isZero(rollingUpdate.maxUnavailable) && isZero(rollingUpdate.maxSurge)) {
      errors.push(
        invalidValue(
          `${at}.maxUnavailable`,
          rollingUpdate.maxUnavailable,
          'may not be 0 when `maxSurge` is 0',
        ),
      );
    }
  }
  if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
    errors.push(
      invalidValue(
        'spec.progressDeadlineSeconds',
        spec.progressDeadlineSeconds,
        'must be greater than minReadySeconds',
      ),
    );
  }
  return errors;
}

const counted = ['replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas'];

function validateDeploymentStatus({ status = {} }: JsonObject): FieldError[] {
  const count = (key: string): number => status[key] ?? 0;
  const { readyReplicas = 0, availableReplicas = 0 } = status;
  const above = counted.slice(1, 4).filter((key) => count(key) > count('replicas'));
  const errors = [
    ...counted.flatMap((key) => validateCount(status[key], `status.${key}`)),
    ...above.map((key) =>
      invalidValue(`status.${key}`, count(key), 'cannot be greater than status.replicas'),
    ),
  ];
  if (availableReplicas > readyReplicas)
    errors.push(
      invalidValue('status.availableReplicas', availableReplicas, 'cannot be greater than readyReplicas'),
    );
  return errors;
}

export const deploymentStrategy: Strategy = {
  setDefaults: deploymentDefaults,
  validate: validateDeployment,
  validateStatus: validateDeploymentStatus,
  validateUpdate: validateSelectorUpdate,
};

export const replicaSetStrategy: Strategy = {
  setDefaults(object) {
    const spec = setTemplateDefaults(object);
    spec.replicas ??= 1;
  },
  validate: ({ spec }) => validateWorkload(spec, 'replicaset'),
  validateUpdate: validateSelectorUpdate,
};

function validateUpdateType({ type }: JsonObject): FieldError[] {
  const types = ['RollingUpdate', 'OnDelete'];
  return types.includes(type) ? [] : [notSupported('spec.updateStrategy', type, types)];
}

export const daemonSetStrategy: Strategy = {
  setDefaults(object) {
    const spec = setTemplateDefaults(object);
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
  },
  validate: ({ spec }) => [
    ...validateWorkload(spec, 'daemonset'),
    ...validateUpdateType(spec.updateStrategy),
  ],
  validateUpdate: validateSelectorUpdate,
};

function setClaimDefaults(claim: JsonObject): void {
  claim.apiVersion ||= 'v1';
  claim.kind ||= 'PersistentVolumeClaim';
  claim.spec ??= {};
  claim.spec.volumeMode ||= 'Filesystem';
  claim.status ??= { phase: 'Pending' };
}

function statefulSetDefaults(set: JsonObject): void {
  const spec = setTemplateDefaults(set);
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'RollingUpdate';
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    spec.updateStrategy.rollingUpdate.partition ??= 0;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) setClaimDefaults(claim);
}

const statefulSetUpdatable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

/** Claim templates name volumes too, so mounts of them are no mistake. */
function validateStatefulSet({ spec }: JsonObject): FieldError[] {
  const claims = ((spec.volumeClaimTemplates ?? []) as JsonObject[]).map((c) => c.metadata?.name as string);
  const template = spec.template.spec;
  const volumes = [...(template.volumes ?? []), ...claims.map((name) => ({ name, emptyDir: {} }))];
  const seen = { ...spec, template: { ...spec.template, spec: { ...template, volumes } } };
  const errors = validateWorkload(seen, 'statefulset');
  const policies = ['OrderedReady', 'Parallel'];
  if (!policies.includes(spec.podManagementPolicy)) {
    const why = `must be '${policies[0]}' or '${policies[1]}'`;
    errors.push(invalidValue('spec.podManagementPolicy', spec.podManagementPolicy, why));
  }
  return [...errors, ...validateCount(spec.ordinals?.start, 'spec.ordinals.start')];
}

function validateStatefulSetUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const keys = new Set([...Object.keys(next.spec), ...Object.keys(old.spec)]);
  const changed = [...keys].filter(
    (k) => !statefulSetUpdatable.includes(k) && !equalJson(next.spec[k], old.spec[k]),
  );
  if (changed.length === 0) return [];
  const why =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  return [fieldForbidden('spec', why)];
}

export const statefulSetStrategy: Strategy = {
  setDefaults: statefulSetDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
};

export const controllerRevisionStrategy: Strategy = {
  validateUpdate: (next, old) =>
    equalJson(next.data, old.data) ? [] : [invalidValue('data', next.data, 'field is immutable')],
};
