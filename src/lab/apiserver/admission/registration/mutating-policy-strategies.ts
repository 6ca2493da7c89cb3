/** MutatingAdmissionPolicies and their bindings: defaults and validation (pkg/apis/admissionregistration/validation). */
import type { JsonObject } from '../../json.ts';
import type { Strategy } from '../../registry/resource.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../validation/field-error.ts';
import { loadAdmissionEngine, loadedAdmissionEngine } from '../cel/engine.ts';
import type { AdmissionCompiler } from '../cel/expressions.ts';
import { patchTypes } from '../policy/mutations.ts';
import { validateExpression } from './match-condition-validation.ts';
import {
  setRuleDefaults,
  validateBindingFrame,
  validatePolicyFrame,
  validateVariable,
} from './policy-validation.ts';
import { validateChoice } from './rule-validation.ts';

/** Nothing is left to be changed of what is deleted. */
const operations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const reinvocationPolicies = ['IfNeeded', 'Never'];

function validateOperations(match: JsonObject | undefined, field: string): FieldError[] {
  const rules = (match?.resourceRules ?? []) as JsonObject[];
  return rules
    .flatMap((rule) => (rule.operations ?? []) as string[])
    .filter((operation) => !operations.includes(operation))
    .map((operation) => notSupported(`${field}.resourceRules.operations`, operation, operations));
}

const partOf = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' };
type PatchType = keyof typeof partOf;

function validatePatch(
  patch: JsonObject,
  field: string,
  { compiler, patchType }: { compiler: AdmissionCompiler; patchType: PatchType },
): FieldError[] {
  const source = (patch.expression ?? '').trim();
  if (source === '') return [required(`${field}.expression`)];
  const options = { types: [patchTypes[patchType]], authorizer: true, patches: true };
  return validateExpression(source, `${field}.expression`, () => void compiler.compile(source, options));
}

function validateMutation(mutation: JsonObject, field: string, compiler: AdmissionCompiler): FieldError[] {
  const types = Object.keys(partOf);
  if (!mutation.patchType) return [required(`${field}.patchType`)];
  if (!types.includes(mutation.patchType))
    return [notSupported(`${field}.patchType`, mutation.patchType, types)];
  const patchType = mutation.patchType as PatchType;
  const part = partOf[patchType];
  const other = part === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch';
  const patch = mutation[part];
  return [
    ...(patch
      ? validatePatch(patch, `${field}.${part}`, { compiler, patchType })
      : [required(`${field}.${part}`, `must be specified when patchType is ${patchType}`)]),
    ...(mutation[other]
      ? [
          invalidValue(
            `${field}.${other}`,
            `{${other}}`,
            `must not be specified when patchType is ${patchType}`,
          ),
        ]
      : []),
  ];
}

function validateExpressions({ spec }: JsonObject): FieldError[] {
  const { AdmissionCompiler } = loadedAdmissionEngine();
  const compiler = new AdmissionCompiler({ params: spec.paramKind !== undefined });
  const mutations = (spec.mutations ?? []) as JsonObject[];
  return [
    ...((spec.variables ?? []) as JsonObject[]).flatMap((variable, i) =>
      validateVariable(variable, `spec.variables[${i}]`, compiler),
    ),
    ...(mutations.length === 0
      ? [required('spec.mutations', 'mutations must contain at least one item')]
      : mutations.flatMap((mutation, i) => validateMutation(mutation, `spec.mutations[${i}]`, compiler))),
  ];
}

export const mutatingPolicyStrategy: Strategy = {
  load: async () => void (await loadAdmissionEngine()),
  setDefaults(policy) {
    policy.spec ??= {};
    policy.spec.failurePolicy ??= 'Fail';
    setRuleDefaults(policy.spec.matchConstraints);
  },
  validate(policy, old) {
    const { matchConstraints, reinvocationPolicy } = policy.spec;
    return [
      ...validatePolicyFrame(policy, old),
      ...validateOperations(matchConstraints, 'spec.matchConstraints'),
      ...validateExpressions(policy),
      ...validateChoice(reinvocationPolicy || undefined, 'spec.reinvocationPolicy', reinvocationPolicies),
    ];
  },
};

export const mutatingPolicyBindingStrategy: Strategy = {
  setDefaults(binding) {
    binding.spec ??= {};
    setRuleDefaults(binding.spec.matchResources);
  },
  validate: ({ spec }) => [
    ...validateBindingFrame(spec),
    ...validateOperations(spec.matchResources, 'spec.matchResources'),
  ],
};
