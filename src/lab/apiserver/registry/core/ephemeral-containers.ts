/** Containers that are added to a pod while it runs: by a subresource alone, and for good (pkg/apis/core/validation). */
import { cloneJson, equalJson, type JsonObject } from '../../json.ts';
import { type FieldError, fieldForbidden, fieldNotFound } from '../../validation/field-error.ts';
import type { PartStrategy } from '../resource.ts';

const at = 'spec.ephemeralContainers';
const notAllowed = [
  'ports',
  'resources',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'restartPolicy',
  'restartPolicyRules',
  'resizePolicy',
];

const ephemeralOf = ({ spec }: JsonObject) => (spec?.ephemeralContainers ?? []) as JsonObject[];

/** The rest of their fields is checked as any container's are; `others` are the names of the pod's other ones. */
export function validateEphemeral(containers: JsonObject[], others: ReadonlySet<string>): FieldError[] {
  return containers.flatMap((container, i) => {
    const field = `${at}[${i}]`;
    const errors: FieldError[] = [];
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(fieldNotFound(`${field}.targetContainerName`, target));
    for (const key of notAllowed.filter((name) => isSet(container[name])))
      errors.push(fieldForbidden(`${field}.${key}`, 'cannot be set for an Ephemeral Container'));
    for (const [j, mount] of ((container.volumeMounts ?? []) as JsonObject[]).entries())
      for (const key of ['subPath', 'subPathExpr'].filter((name) => mount[name]))
        errors.push(
          fieldForbidden(`${field}.volumeMounts[${j}].${key}`, 'cannot be set for an Ephemeral Container'),
        );
    return errors;
  });
}

/** An empty list or object is what it is left out as. */
function isSet(value: unknown): boolean {
  return (
    value !== undefined && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0)
  );
}

function validateUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const now = ephemeralOf(next);
  return ephemeralOf(old).flatMap((container) => {
    const same = now.find(({ name }) => name === container.name);
    const what = `existing ephemeral containers ${JSON.stringify(container.name)} may not be`;
    if (same === undefined) return [fieldForbidden(at, `${what} removed\n`)];
    return equalJson(same, container) ? [] : [fieldForbidden(at, `${what} changed\n`)];
  });
}

export const ephemeralContainers: PartStrategy = {
  merge(wish, old) {
    const next = cloneJson(old);
    next.spec.ephemeralContainers = cloneJson(ephemeralOf(wish));
    return next;
  },
  validateUpdate,
};
