/** What validating and mutating policies, and their bindings, have in common (pkg/apis/admissionregistration/validation). */
import { equalJson, type JsonObject } from '../../json.ts';
import { type FieldError, fieldForbidden, invalidValue, required } from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isDns1035Label, isDnsSubdomain, isPathSegment } from '../../validation/names.ts';
import type { AdmissionCompiler } from '../cel/expressions.ts';
import { validateExpression, validateMatchConditions } from './match-condition-validation.ts';
import {
  failurePolicies,
  setMatchDefaults,
  validateChoice,
  validateMatchResources,
} from './rule-validation.ts';

const notFoundActions = ['Deny', 'Allow'];

const rulesOf = ({ resourceRules = [], excludeResourceRules = [] }: JsonObject): JsonObject[] => [
  ...resourceRules,
  ...excludeResourceRules,
];

/** Of a policy's constraints, or of what a binding matches. */
export function setRuleDefaults(match: JsonObject | undefined): void {
  if (match) setMatchDefaults(match, rulesOf(match));
}

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

export function validateVariable(
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

function validateConstraints(constraints: JsonObject | undefined): FieldError[] {
  const field = 'spec.matchConstraints';
  if (constraints === undefined) return [required(field)];
  return [
    ...validateMatchResources(constraints, field),
    ...(constraints.resourceRules?.length ? [] : [required(`${field}.resourceRules`)]),
  ];
}

/** All that comes before a policy's variables. */
export function validatePolicyFrame({ spec }: JsonObject, old?: JsonObject): FieldError[] {
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
  ];
}

/** As it will be once this is stored. */
export function generationOf(policy: JsonObject, old: JsonObject | undefined): number {
  if (old === undefined) return 1;
  const { generation } = old.metadata;
  return equalJson(policy.spec, old.spec) ? generation : generation + 1;
}

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

/** What bindings of either kind begin with. */
export function validateBindingFrame({ policyName, paramRef, matchResources }: JsonObject): FieldError[] {
  return [
    ...(policyName
      ? isDnsSubdomain(policyName).map((why) => invalidValue('spec.policyName', policyName, why))
      : [required('spec.policyName')]),
    ...validateParamRef(paramRef),
    ...(matchResources ? validateMatchResources(matchResources, 'spec.matchResources') : []),
  ];
}
