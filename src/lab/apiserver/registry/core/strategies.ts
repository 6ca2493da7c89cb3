/** Defaults and validation of core/v1 but pods and Services. */
import { equalJson, type JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  immutable,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { isDnsLabel } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';
import { validateConfigMap, validateSecret } from './data-validation.ts';

export const namespaceStrategy: Strategy = {
  nameRule: isDnsLabel,
  setDefaults(namespace) {
    namespace.metadata.labels ??= {};
    if (namespace.metadata.name)
      namespace.metadata.labels['kubernetes.io/metadata.name'] = namespace.metadata.name;
    namespace.spec ??= {};
  },
  prepareForCreate(namespace) {
    namespace.spec.finalizers = ['kubernetes'];
    namespace.status = { phase: 'Active' };
  },
  /** Only the finalize subresource takes a finalizer of spec away. */
  prepareForUpdate(next, old) {
    if (old.spec?.finalizers) next.spec.finalizers = old.spec.finalizers;
    else delete next.spec.finalizers;
  },
  markDeleted(namespace) {
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
};

function validateTaints(taints: JsonObject[]): FieldError[] {
  const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
  const seen = new Set<string>();
  return taints.flatMap((taint, i) => {
    const at = `spec.taints[${i}]`;
    const errors: FieldError[] = [];
    if (!taint.key) errors.push(required(`${at}.key`));
    if (!effects.includes(taint.effect))
      errors.push(notSupported(`${at}.effect`, taint.effect ?? '', effects));
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) errors.push(duplicate(at, taint));
    seen.add(id);
    return errors;
  });
}

export const nodeStrategy: Strategy = {
  setDefaults(node) {
    node.spec ??= {};
    if (node.spec.podCIDRs?.length) node.spec.podCIDR ||= node.spec.podCIDRs[0];
    else if (node.spec.podCIDR) node.spec.podCIDRs = [node.spec.podCIDR];
  },
  validate: ({ spec }) => validateTaints(spec?.taints ?? []),
  validateUpdate(next, old) {
    const had = (old.spec?.podCIDRs ?? []) as string[];
    if (had.length === 0 || equalJson(next.spec?.podCIDRs, had)) return [];
    return [fieldForbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')];
  },
};

function validateImmutableData(next: JsonObject, old: JsonObject, fields: string[]): FieldError[] {
  if (old.immutable !== true) return [];
  const errors: FieldError[] = [];
  if (next.immutable !== true)
    errors.push(fieldForbidden('immutable', 'field is immutable when `immutable` is set'));
  for (const field of fields) {
    if (!equalJson(next[field], old[field]))
      errors.push(fieldForbidden(field, 'field is immutable when `immutable` is set'));
  }
  return errors;
}

export const configMapStrategy: Strategy = {
  validate: validateConfigMap,
  validateUpdate: (next, old) => validateImmutableData(next, old, ['data', 'binaryData']),
};

function foldStringData(secret: JsonObject): void {
  for (const [key, text] of Object.entries(secret.stringData ?? {})) {
    secret.data ??= {};
    secret.data[key] = Buffer.from(String(text)).toString('base64');
  }
  delete secret.stringData;
}

export const secretStrategy: Strategy = {
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    foldStringData(secret);
  },
  validate: validateSecret,
  validateUpdate: (next, old) => [
    ...validateImmutable(next.type, old.type, 'type'),
    ...validateImmutableData(next, old, ['data']),
  ],
};

/** Claims are kept, not provisioned: they stay Pending. */
export const claimStrategy: Strategy = {
  setDefaults(claim) {
    claim.spec ??= {};
    claim.spec.volumeMode ||= 'Filesystem';
  },
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
  },
  validate(claim) {
    return claim.spec.accessModes?.length
      ? []
      : [required('spec.accessModes', 'at least 1 access mode is required')];
  },
};

export const eventStrategy: Strategy = {
  setDefaults(event) {
    event.involvedObject ??= {};
    event.source ??= {};
  },
  validate(event) {
    const { namespace = '' } = event.involvedObject;
    const home = namespace === '' ? ['default', 'kube-system', event.metadata.namespace] : [namespace];
    if (home.includes(event.metadata.namespace)) return [];
    return [invalidValue('involvedObject.namespace', namespace, 'does not match event.namespace')];
  },
};

export const endpointsStrategy: Strategy = {
  setDefaults(endpoints) {
    for (const subset of endpoints.subsets ?? [])
      for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
};

const systemClasses: Record<string, number> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};
const highestPriority = 1_000_000_000;

function validatePriorityClass({ metadata, value = 0 }: JsonObject): FieldError[] {
  const { name } = metadata;
  if (!name.startsWith('system-')) {
    const why = `maximum allowed value of a user defined priority is ${highestPriority}`;
    return value > highestPriority ? [fieldForbidden('value', why)] : [];
  }
  if (systemClasses[name] === value) return [];
  const error =
    systemClasses[name] === undefined
      ? `${name} is not a known system priority class`
      : `value of ${name} PriorityClass must be ${systemClasses[name]}`;
  const why = "priority class names with 'system-' prefix are reserved for system use only. error: ";
  return [fieldForbidden('metadata.name', why + error)];
}

/** Priority classes and the like have values that pods have copied already. */
export const priorityClassStrategy: Strategy = {
  setDefaults(priorityClass) {
    priorityClass.preemptionPolicy ||= 'PreemptLowerPriority';
  },
  validate: validatePriorityClass,
  validateUpdate: (next, old) => (next.value === old.value ? [] : [immutable('value', next.value)]),
};
