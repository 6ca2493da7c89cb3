/** Defaults and validation of the smaller groups. */
import { invalidValue } from '../../validation/field-error.ts';
import { isPathSegment } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

export const leaseStrategy: Strategy = {
  validate({ spec = {} }) {
    const duration = spec.leaseDurationSeconds;
    return duration === undefined || duration > 0
      ? []
      : [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')];
  },
};

export const rbacStrategy: Strategy = { nameRule: isPathSegment };

export const bindingStrategy: Strategy = {
  nameRule: isPathSegment,
  setDefaults(binding) {
    if (binding.roleRef) binding.roleRef.apiGroup ||= 'rbac.authorization.k8s.io';
    for (const subject of binding.subjects ?? []) {
      subject.apiGroup ??= subject.kind === 'ServiceAccount' ? '' : 'rbac.authorization.k8s.io';
      if (subject.apiGroup === '') delete subject.apiGroup;
    }
  },
  validateUpdate: (next, old) =>
    validateImmutable(next.roleRef, old.roleRef, 'roleRef').map((e) => ({
      ...e,
      message: e.message.replace('field is immutable', 'cannot change roleRef'),
    })),
};

export const cronJobStrategy: Strategy = {
  setDefaults({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
  },
};

export const autoscalerStrategy: Strategy = {
  setDefaults({ spec }) {
    if (spec) spec.minReplicas ??= 1;
  },
};
