/** ValidatingAdmissionPolicies and their bindings: defaults and validation (pkg/apis/admissionregistration/validation). */
import type { JsonObject } from '../../json.ts';
import type { Strategy } from '../../registry/resource.ts';
import { loadDefinitions } from '../../schema/definitions.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { isQualifiedName } from '../../validation/names.ts';
import { loadAdmissionEngine, loadedAdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler } from '../cel/expressions.ts';
import { validateExpression } from './match-condition-validation.ts';
import {
  generationOf,
  setRuleDefaults,
  validateBindingFrame,
  validatePolicyFrame,
  validateVariable,
} from './policy-validation.ts';
import { validateChoice } from './rule-validation.ts';
import { expressionWarnings } from './type-checking.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const actions = ['Audit', 'Deny', 'Warn'];
const maxAuditAnnotations = 20;
const maxValueExpression = 5 * 1024;

function validateMessage(message: string | undefined, field: string): FieldError[] {
  if (!message) return [];
  if (message.trim() === '') return [invalidValue(field, message, 'must be non-empty if specified')];
  return /[\n\r]/.test(message.trim()) ? [invalidValue(field, message, 'must not contain line breaks')] : [];
}

function validateValidation(
  validation: JsonObject,
  field: string,
  compiler: AdmissionCompiler,
): FieldError[] {
  const { expression, message, messageExpression, reason } = validation;
  const check = (source: string, part: string, types: string[], authorizer: boolean) =>
    validateExpression(
      source,
      `${field}.${part}`,
      () => void compiler.compile(source, { types, authorizer }),
    );
  return [
    ...(expression?.trim()
      ? check(expression, 'expression', ['bool'], true)
      : [required(`${field}.expression`, 'expression is not specified')]),
    ...(messageExpression?.trim() ? check(messageExpression, 'messageExpression', ['string'], false) : []),
    ...(messageExpression && !messageExpression.trim()
      ? [invalidValue(`${field}.messageExpression`, messageExpression, 'must be non-empty if specified')]
      : []),
    ...validateMessage(message, `${field}.message`),
    ...(reason === undefined || reasons.includes(reason)
      ? []
      : [notSupported(`${field}.reason`, reason, reasons)]),
  ];
}

function validateAuditAnnotation(
  { key, valueExpression }: JsonObject,
  field: string,
  { name, compiler }: { name: string; compiler: AdmissionCompiler },
): FieldError[] {
  const source = (valueExpression ?? '').trim();
  const at = `${field}.valueExpression`;
  const full = `${name}/${key ?? ''}`;
  const compile = () => void compiler.compile(source, { types: ['string', 'null'], authorizer: true });
  return [
    ...isQualifiedName(full).map((why) => invalidValue(`${field}.key`, full, why)),
    ...(source === ''
      ? [required(at, 'valueExpression is not specified')]
      : source.length > maxValueExpression
        ? [required(at, `must not exceed ${maxValueExpression} bytes in length`)]
        : validateExpression(valueExpression, at, compile)),
  ];
}

function validateAuditAnnotations({ metadata, spec }: JsonObject, compiler: AdmissionCompiler): FieldError[] {
  const field = 'spec.auditAnnotations';
  const annotations = (spec.auditAnnotations ?? []) as JsonObject[];
  const keys = annotations.map(({ key }) => key);
  const why = `must not have more than ${maxAuditAnnotations} auditAnnotations`;
  return [
    ...(annotations.length > maxAuditAnnotations ? [invalidValue(field, annotations, why)] : []),
    ...annotations.flatMap((annotation, i) => [
      ...validateAuditAnnotation(annotation, `${field}[${i}]`, { name: metadata.name, compiler }),
      ...(keys.indexOf(annotation.key) < i ? [duplicate(`${field}[${i}].key`, annotation.key)] : []),
    ]),
  ];
}

function validateExpressions(policy: JsonObject): FieldError[] {
  const { spec } = policy;
  const { AdmissionCompiler } = loadedAdmissionEngine();
  const compiler = new AdmissionCompiler({ params: spec.paramKind !== undefined });
  const variables = ((spec.variables ?? []) as JsonObject[]).flatMap((variable, i) =>
    validateVariable(variable, `spec.variables[${i}]`, compiler),
  );
  const validations = (spec.validations ?? []) as JsonObject[];
  if (validations.length === 0 && !spec.auditAnnotations?.length) {
    const why = 'validations or auditAnnotations must contain at least one item';
    return [...variables, required('spec.validations', why), required('spec.auditAnnotations', why)];
  }
  return [
    ...variables,
    ...validations.flatMap((validation, i) =>
      validateValidation(validation, `spec.validations[${i}]`, compiler),
    ),
    ...validateAuditAnnotations(policy, compiler),
  ];
}

const validatePolicy = (policy: JsonObject, old?: JsonObject): FieldError[] => [
  ...validatePolicyFrame(policy, old),
  ...validateExpressions(policy),
];

export const policyStrategy: Strategy = {
  load: async () => void (await Promise.all([loadAdmissionEngine(), loadDefinitions()])),
  setDefaults(policy) {
    policy.spec ??= {};
    policy.spec.failurePolicy ??= 'Fail';
    setRuleDefaults(policy.spec.matchConstraints);
  },
  // In a cluster the validatingadmissionpolicy-status controller does it, a moment later.
  admit(policy, old, { resources }) {
    policy.status = { ...old?.status };
    const observedGeneration = generationOf(policy, old);
    if (observedGeneration === old?.status?.observedGeneration) return [];
    const warnings = expressionWarnings(policy, resources());
    const typeChecking = warnings.length === 0 ? {} : { expressionWarnings: warnings };
    Object.assign(policy.status, { observedGeneration, typeChecking });
    return [];
  },
  validate: validatePolicy,
};

function validateActions(wanted: readonly string[]): FieldError[] {
  const field = 'spec.validationActions';
  const both =
    'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
  return [
    ...wanted.flatMap((action, i) => [
      ...validateChoice(action, `${field}[${i}]`, actions),
      ...(wanted.indexOf(action) < i ? [duplicate(`${field}[${i}]`, action)] : []),
    ]),
    ...(wanted.includes('Deny') && wanted.includes('Warn') ? [invalidValue(field, wanted, both)] : []),
    ...(wanted.length === 0 ? [required(field, 'at least one validation action is required')] : []),
  ];
}

export const policyBindingStrategy: Strategy = {
  setDefaults(binding) {
    binding.spec ??= {};
    setRuleDefaults(binding.spec.matchResources);
  },
  validate: ({ spec }) => [...validateBindingFrame(spec), ...validateActions(spec.validationActions ?? [])],
};
