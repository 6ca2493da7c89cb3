/** Defaults, labels and validation of Jobs (pkg/apis/batch, pkg/registry/batch/job). */
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, notSupported } from '../../validation/field-error.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import { setTemplateDefaults, validateCount, validateTemplate } from '../apps/workload.ts';
import type { Strategy } from '../resource.ts';

const modes = ['Indexed', 'NonIndexed'];
/** Stored, and not acted on. */
const ignored = [
  'podFailurePolicy',
  'successPolicy',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
  'managedBy',
];

function setDefaults(job: JsonObject): void {
  const spec = setTemplateDefaults(job);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= 6;
  spec.completionMode ||= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ||= 'TerminatingOrFailed';
}

/** A Job's pods are its own by the Job's uid, unless its author sees to that. */
function prepareForCreate(job: JsonObject): void {
  const { spec, metadata } = job;
  if (!spec || spec.manualSelector === true) return;
  const uid = { 'batch.kubernetes.io/controller-uid': metadata.uid };
  spec.selector ??= { matchLabels: uid };
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    ...uid,
    'batch.kubernetes.io/job-name': metadata.name,
    'controller-uid': metadata.uid,
    'job-name': metadata.name,
  };
}

function validate({ spec = {} }: JsonObject): FieldError[] {
  const errors = [
    ...validateCount(spec.parallelism, 'spec.parallelism'),
    ...validateCount(spec.completions, 'spec.completions'),
    ...validateCount(spec.backoffLimit, 'spec.backoffLimit'),
    ...validateCount(spec.activeDeadlineSeconds, 'spec.activeDeadlineSeconds'),
    ...validateCount(spec.ttlSecondsAfterFinished, 'spec.ttlSecondsAfterFinished'),
    ...validateTemplate(spec.template, ['OnFailure', 'Never']),
  ];
  if (!modes.includes(spec.completionMode))
    errors.push(notSupported('spec.completionMode', spec.completionMode, modes));
  if (spec.completionMode === 'Indexed' && spec.completions === undefined)
    errors.push(
      invalidValue(
        'spec.completions',
        null,
        'when completion mode is Indexed, completions must be specified',
      ),
    );
  return errors;
}

/** While it is suspended and has not begun, the template's place and size may change. */
function validateUpdate(next: JsonObject, old: JsonObject): FieldError[] {
  const startable = old.spec.suspend === true && old.status?.startTime === undefined;
  const elastic = old.spec.completionMode === 'Indexed' && next.spec.completions === next.spec.parallelism;
  return [
    ...(elastic ? [] : validateImmutable(next.spec.completions, old.spec.completions, 'spec.completions')),
    ...validateImmutable(next.spec.selector, old.spec.selector, 'spec.selector'),
    ...(startable ? [] : validateImmutable(next.spec.template, old.spec.template, 'spec.template')),
    ...validateImmutable(next.spec.completionMode, old.spec.completionMode, 'spec.completionMode'),
  ];
}

export const jobStrategy: Strategy = {
  setDefaults,
  prepareForCreate,
  validate,
  validateUpdate,
  warnings: ({ spec = {} }) =>
    ignored
      .filter((field) => spec[field] !== undefined)
      .map((field) => `spec.${field} is stored here, and not acted on`),
};
