/** Validation of metadata, as apimachinery's api/validation/objectmeta.go does it. */
import { equalJson, type JsonObject } from '../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  immutable,
  invalidValue,
  required,
  tooLong,
} from './field-error.ts';
import { isDnsLabel, isLabelValue, isQualifiedName, type NameRule } from './names.ts';

const maxAnnotationBytes = 256 * 1024;

export function validateLabels(labels: JsonObject | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...isQualifiedName(key).map((why) => invalidValue(field, key, why)),
    ...isLabelValue(String(value)).map((why) => invalidValue(field, value, why)),
  ]);
}

export function validateAnnotations(annotations: JsonObject | undefined, field: string): FieldError[] {
  let size = 0;
  const errors = Object.entries(annotations ?? {}).flatMap(([key, value]) => {
    size += key.length + String(value).length;
    return isQualifiedName(key.toLowerCase()).map((why) => invalidValue(field, key, why));
  });
  return size > maxAnnotationBytes ? [...errors, tooLong(field, maxAnnotationBytes)] : errors;
}

function validateName(metadata: JsonObject, rule: NameRule): FieldError[] {
  if (metadata.generateName && !metadata.name) {
    const given = String(metadata.generateName).replace(/-+$/, '') || 'x';
    return rule(given).map((why) => invalidValue('metadata.generateName', metadata.generateName, why));
  }
  if (!metadata.name) return [required('metadata.name', 'name or generateName is required')];
  return rule(metadata.name).map((why) => invalidValue('metadata.name', metadata.name, why));
}

function validateOwners(owners: JsonObject[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  let controller: JsonObject | undefined;
  (owners ?? []).forEach((owner, i) => {
    const field = `metadata.ownerReferences[${i}]`;
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if (!owner[key])
        errors.push(
          invalidValue(
            `${field}.${key}`,
            owner[key] ?? '',
            `${key === 'apiVersion' ? 'version' : key} must not be empty`,
          ),
        );
    }
    if (!owner.controller) return;
    if (controller !== undefined) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller.kind}/${controller.name} and ${owner.kind}/${owner.name}`;
      errors.push(invalidValue('metadata.ownerReferences', owners, why));
    }
    controller = owner;
  });
  return errors;
}

export function validateObjectMeta(metadata: JsonObject, namespaced: boolean, rule: NameRule): FieldError[] {
  const errors = validateName(metadata, rule);
  if (namespaced) {
    if (!metadata.namespace) errors.push(required('metadata.namespace'));
    else
      errors.push(
        ...isDnsLabel(metadata.namespace).map((why) =>
          invalidValue('metadata.namespace', metadata.namespace, why),
        ),
      );
  } else if (metadata.namespace) {
    errors.push(fieldForbidden('metadata.namespace', 'not allowed on this type'));
  }
  const finalizers = (metadata.finalizers ?? []) as string[];
  return [
    ...errors,
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata.ownerReferences),
    ...finalizers.flatMap((f) =>
      isQualifiedName(f).map((why) => invalidValue('metadata.finalizers', f, why)),
    ),
    ...finalizers
      .filter((f, i) => finalizers.indexOf(f) !== i)
      .map((f) => duplicate('metadata.finalizers', f)),
  ];
}

/** What no update may change. The server's own fields were put back before, so only the client's wishes show here. */
export function validateObjectMetaUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const errors = (['name', 'namespace', 'uid', 'creationTimestamp'] as const)
    .filter((key) => next[key] !== old[key])
    .map((key) => immutable(`metadata.${key}`, next[key] ?? ''));
  const added = ((next.finalizers ?? []) as string[]).filter((f) => !(old.finalizers ?? []).includes(f));
  if (old.deletionTimestamp && added.length > 0) {
    errors.push(
      fieldForbidden(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(', ')}}`,
      ),
    );
  }
  return errors;
}

/** For fields that may not change at all. */
export function validateImmutable(next: unknown, old: unknown, field: string): FieldError[] {
  return equalJson(next, old) ? [] : [immutable(field, next)];
}
