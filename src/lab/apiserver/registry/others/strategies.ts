/** Defaults and validation of the smaller groups. */
import { invalidValue } from '../../validation/field-error.ts';
import type { Strategy } from '../resource.ts';

export const leaseStrategy: Strategy = {
  validate({ spec = {} }) {
    const duration = spec.leaseDurationSeconds;
    return duration === undefined || duration > 0
      ? []
      : [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')];
  },
};

export const autoscalerStrategy: Strategy = {
  setDefaults({ spec }) {
    if (spec) spec.minReplicas ??= 1;
  },
};
