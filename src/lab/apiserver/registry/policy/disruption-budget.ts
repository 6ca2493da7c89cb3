/** Validation of PodDisruptionBudgets (pkg/apis/policy/validation). */
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, notSupported } from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { validateCount, validateIntOrPercent } from '../apps/workload.ts';
import type { Strategy } from '../resource.ts';

const policies = ['AlwaysAllow', 'IfHealthyBudget'];
const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'];

function validateAmount(value: unknown, field: string): FieldError[] {
  const errors = validateIntOrPercent(value, field);
  if (errors.length > 0 || typeof value !== 'string' || Number.parseInt(value, 10) <= 100) return errors;
  return [invalidValue(field, value, 'must not be greater than 100%')];
}

function validate({ spec = {} }: JsonObject): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const both = minAvailable !== undefined && maxUnavailable !== undefined;
  return [
    ...(both ? [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...validateAmount(minAvailable, 'spec.minAvailable'),
    ...validateAmount(maxUnavailable, 'spec.maxUnavailable'),
    ...validateLabelSelector(selector, 'spec.selector'),
    ...(policy === undefined || policies.includes(policy)
      ? []
      : [notSupported('spec.unhealthyPodEvictionPolicy', policy, policies)]),
  ];
}

export const disruptionBudgetStrategy: Strategy = {
  validate,
  validateStatus: ({ status = {} }) =>
    counts.flatMap((count) => validateCount(status[count], `status.${count}`)),
};
