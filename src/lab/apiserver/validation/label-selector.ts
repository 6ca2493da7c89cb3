/** Validation of metav1.LabelSelector. */
import type { JsonObject } from '../json.ts';
import { type FieldError, fieldForbidden, invalidValue, required } from './field-error.ts';
import { isLabelValue, isQualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';

function validateRequirement(requirement: JsonObject, field: string): FieldError[] {
  const { key, operator, values } = requirement;
  const errors = isQualifiedName(key ?? '').map((why) => invalidValue(`${field}.key`, key, why));
  const count = values?.length ?? 0;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0)
      errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (count > 0) {
      errors.push(
        fieldForbidden(
          `${field}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
      );
    }
  } else {
    errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  const each = (values ?? []) as string[];
  return [
    ...errors,
    ...each.flatMap((v, i) => isLabelValue(v).map((why) => invalidValue(`${field}.values[${i}]`, v, why))),
  ];
}

export function validateLabelSelector(selector: JsonObject | undefined, field: string): FieldError[] {
  const expressions = (selector?.matchExpressions ?? []) as JsonObject[];
  return [
    ...validateLabels(selector?.matchLabels, `${field}.matchLabels`),
    ...expressions.flatMap((e, i) => validateRequirement(e, `${field}.matchExpressions[${i}]`)),
  ];
}

export function isEmptySelector(selector: JsonObject | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions?.length ?? 0) === 0;
}
