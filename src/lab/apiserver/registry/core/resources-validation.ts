/** What a container may ask for (ValidateResourceRequirements in pkg/apis/core/validation). */
import { parseQuantity } from '../../../../kube/quantity.ts';
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue } from '../../validation/field-error.ts';

function validateQuantities(quantities: JsonObject, field: string): FieldError[] {
  return Object.entries(quantities)
    .filter(([, quantity]) => parseQuantity(quantity) < 0)
    .map(([name, quantity]) =>
      invalidValue(`${field}[${name}]`, quantity, 'must be greater than or equal to 0'),
    );
}

/** None of them negative, and no request above its limit. `field` is the container's `resources`. */
export function validateResources(resources: JsonObject | undefined, field: string): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  const above = Object.entries(requests).filter(
    ([name, asked]) =>
      limits[name] !== undefined && parseQuantity(asked as string) > parseQuantity(limits[name]),
  );
  return [
    ...validateQuantities(limits, `${field}.limits`),
    ...above.map(([name, asked]) =>
      invalidValue(
        `${field}.requests`,
        asked,
        `must be less than or equal to ${name} limit of ${limits[name]}`,
      ),
    ),
    ...validateQuantities(requests, `${field}.requests`),
  ];
}
