/** ValidatingAdmissionPolicies and their bindings: defaults and validation (pkg/apis/admissionregistration/validation). */
import { equalJson, type JsonObject } from '../../json.ts';
import type { Strategy } from '../../registry/resource.ts';
import {
  duplicate,
  type FieldError,
  fieldForbidden,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isDns1035Label, isDnsSubdomain, isPathSegment, isQualifiedName } from '../../validation/names.ts';
import { loadAdmissionEngine, loadedAdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler } from '../cel/expressions.ts';
import { validateExpression, validateMatchConditions } from './match-condition-validation.ts';
import {
  failurePolicies,
  setMatchDefaults,
  validateChoice,
  validateMatchResources,
} from './rule-validation.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const actions = ['Audit', 'Deny', 'Warn'];
const notFoundActions = ['Deny', 'Allow'];
const maxAuditAnnotations = 20;
const maxValueExpression = 5 * 1024;

const rulesOf = ({ resourceRules = [], excludeResourceRules = [] }: JsonObject): JsonObject[] => [
  ...resourceRules,
  ...excludeResourceRules,
];

function validateParamKind({ apiVersion, kind }: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${field}.apiVersion`;
  const parts = String(apiVersion ?? '').split('/');
  const [version = '', group = ''] = parts.toReversed();
  if (!apiVersion) errors.push(required(at));
  else if (parts.length > 2)
    errors.push(invalidValue(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    if (group !== '') errors.push(...isDnsSubdomain(group).map((why) => invalidValue(at, group, why)));
    if (version === '') errors.push(invalidValue(at, apiVersion, 'version must be specified'));
    else errors.push(...isDns1035Label(version).map((why) => invalidValue(at, version, why)));
  }
  if (!kind) return [...errors, required(`${field}.kind`)];
  const wrong = isDns1035Label(String(kind).toLowerCase());
  const why = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
  return wrong.length > 0 ? [...errors, invalidValue(`${field}.kind`, kind, why)] : errors;
}

function validateVariable(
  { name, expression }: JsonObject,
  field: string,
  compiler: AdmissionCompiler,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name?.trim()) errors.push(required(`${field}.name`, 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name))
    errors.push(invalidValue(`${field}.name`, name, 'must be a valid CEL identifier'));
  if (!expression?.trim()) return [...errors, required(`${field}.expression`, 'expression is not specified')];
  const declare = () => compiler.declareVariable(name ?? '', expression);
  return [...errors, ...validateExpression(expression, `${field}.expression`, declare)];
}

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

function validateConstraints(constraints: JsonObject | undefined): FieldError[] {
  const field = 'spec.matchConstraints';
  if (constraints === undefined) return [required(field)];
  return [
    ...validateMatchResources(constraints, field),
    ...(constraints.resourceRules?.length ? [] : [required(`${field}.resourceRules`)]),
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

function validatePolicy(policy: JsonObject, old?: JsonObject): FieldError[] {
  const { spec } = policy;
  const { failurePolicy, paramKind, matchConstraints, matchConditions = [] } = spec;
  const sameConditions =
    old !== undefined &&
    equalJson([paramKind, matchConditions], [old.spec.paramKind, old.spec.matchConditions ?? []]);
  return [
    ...validateChoice(failurePolicy, 'spec.failurePolicy', failurePolicies),
    ...(paramKind === undefined ? [] : validateParamKind(paramKind, 'spec.paramKind')),
    ...validateConstraints(matchConstraints),
    ...(sameConditions
      ? []
      : validateMatchConditions(matchConditions, 'spec.matchConditions', {
          params: paramKind !== undefined,
        })),
    ...validateExpressions(policy),
  ];
}

/** As it will be once this is stored. */
function generationOf(policy: JsonObject, old: JsonObject | undefined): number {
  if (old === undefined) return 1;
  const { generation } = old.metadata;
  return equalJson(policy.spec, old.spec) ? generation : generation + 1;
}

export const policyStrategy: Strategy = {
  load: async () => void (await loadAdmissionEngine()),
  setDefaults(policy) {
    policy.spec ??= {};
    policy.spec.failurePolicy ??= 'Fail';
    const { matchConstraints } = policy.spec;
    if (matchConstraints) setMatchDefaults(matchConstraints, rulesOf(matchConstraints));
  },
  // The controller that checks types would say so; here no type of an object is known to expressions.
  admit(policy, old) {
    policy.status = { ...old?.status, observedGeneration: generationOf(policy, old), typeChecking: {} };
    return [];
  },
  validate: validatePolicy,
};

function validateParamRef(paramRef: JsonObject | undefined): FieldError[] {
  if (paramRef === undefined) return [];
  const field = 'spec.paramRef';
  const { name, selector, parameterNotFoundAction: action } = paramRef;
  const exclusive = 'name and selector are mutually exclusive';
  return [
    ...(name ? isPathSegment(name).map((why) => invalidValue(`${field}.name`, name, why)) : []),
    ...(name && selector ? [fieldForbidden(`${field}.name`, exclusive)] : []),
    ...validateLabelSelector(selector, `${field}.selector`),
    ...(name && selector ? [fieldForbidden(`${field}.selector`, exclusive)] : []),
    ...(name || selector ? [] : [required(field, 'one of name or selector must be specified')]),
    ...validateChoice(action || undefined, `${field}.parameterNotFoundAction`, notFoundActions),
  ];
}

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
    const { matchResources } = binding.spec;
    if (matchResources) setMatchDefaults(matchResources, rulesOf(matchResources));
  },
  validate({ spec }) {
    const { policyName, matchResources } = spec;
    return [
      ...(policyName
        ? isDnsSubdomain(policyName).map((why) => invalidValue('spec.policyName', policyName, why))
        : [required('spec.policyName')]),
      ...validateParamRef(spec.paramRef),
      ...(matchResources ? validateMatchResources(matchResources, 'spec.matchResources') : []),
      ...validateActions(spec.validationActions ?? []),
    ];
  },
};
