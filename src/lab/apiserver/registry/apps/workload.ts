/** What Deployments, ReplicaSets, StatefulSets and DaemonSets have in common: a selector and a pod template. */
import { compileSelector } from '../../../../kube/selectors.ts';
import type { JsonObject } from '../../json.ts';
import {
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { isEmptySelector, validateLabelSelector } from '../../validation/label-selector.ts';
import { validateAnnotations, validateImmutable, validateLabels } from '../../validation/object-meta.ts';
import { setPodSpecDefaults } from '../core/pod-defaults.ts';
import { validatePodSpec } from '../core/pod-validation.ts';

/** The pod template's defaults. The spec, which is there afterwards as it is in Go, and its template are the result's. */
export function setTemplateDefaults(object: JsonObject): JsonObject {
  object.spec ??= {};
  const { spec } = object;
  spec.template ??= {};
  spec.template.metadata ??= {};
  spec.template.spec ??= {};
  setPodSpecDefaults(spec.template.spec);
  return spec;
}

/** Validates the template at `spec.template`. Pods of a controller restart always, but for Jobs'. */
export function validateTemplate(template: JsonObject, restartPolicies = ['Always']): FieldError[] {
  const { metadata = {}, spec } = template;
  const errors: FieldError[] = [
    ...validateLabels(metadata.labels, 'spec.template.labels'),
    ...validateAnnotations(metadata.annotations, 'spec.template.annotations'),
    ...validatePodSpec(spec, 'spec.template.spec'),
    ...(spec.ephemeralContainers?.length
      ? [
          fieldForbidden(
            'spec.template.spec.ephemeralContainers',
            'ephemeral containers not allowed in pod template',
          ),
        ]
      : []),
  ];
  if (
    !restartPolicies.includes(spec.restartPolicy) &&
    !errors.some((e) => e.field === 'spec.template.spec.restartPolicy')
  ) {
    errors.push(notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, restartPolicies));
  }
  return errors;
}

function validateSelector(spec: JsonObject, kind: string): FieldError[] {
  if (spec.selector === undefined) return [required('spec.selector')];
  const errors = validateLabelSelector(spec.selector, 'spec.selector');
  if (isEmptySelector(spec.selector)) {
    errors.push(invalidValue('spec.selector', spec.selector, `empty selector is invalid for ${kind}`));
  }
  const labels = spec.template?.metadata?.labels ?? {};
  if (errors.length === 0 && !compileSelector(spec.selector)(labels)) {
    errors.push(
      invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  }
  return errors;
}

export function validateCount(value: unknown, field: string): FieldError[] {
  const wrong = typeof value === 'number' && value < 0;
  return wrong ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}

export function validateWorkload(spec: JsonObject, kind: string): FieldError[] {
  return [
    ...validateCount(spec.replicas, 'spec.replicas'),
    ...validateCount(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateSelector(spec, kind),
    ...validateTemplate(spec.template),
  ];
}

/** In apps/v1 a selector never changes. */
export function validateSelectorUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  return validateImmutable(next.spec.selector, old.spec.selector, 'spec.selector');
}

/** `3` or `25%`. */
export function validateIntOrPercent(value: unknown, field: string): FieldError[] {
  if (typeof value === 'number') return validateCount(value, field);
  if (value === undefined) return [];
  if (/^[0-9]+%$/.test(String(value))) return [];
  return [
    invalidValue(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%' or '93%', regex used for validation is '[0-9]+%')",
    ),
  ];
}
