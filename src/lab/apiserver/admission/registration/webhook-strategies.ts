/** ValidatingWebhookConfigurations and MutatingWebhookConfigurations: defaults and validation. */
import { equalJson, type JsonObject } from '../../json.ts';
import type { Strategy } from '../../registry/resource.ts';
import { duplicate, type FieldError, invalidValue, required } from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isDns1035Label, isDnsSubdomain } from '../../validation/names.ts';
import { defaultWebhookPort, validateClientConfig } from '../../webhooks/client-config.ts';
import { loadAdmissionEngine } from '../cel/engine.ts';
import { validateMatchConditions } from './match-condition-validation.ts';
import {
  failurePolicies,
  matchPolicies,
  setMatchDefaults,
  validateChoice,
  validateRule,
} from './rule-validation.ts';

const reviewVersions = ['v1', 'v1beta1'];
const sideEffectClasses = ['None', 'NoneOnDryRun'];
const reinvocationPolicies = ['IfNeeded', 'Never'];

function setDefaults(configuration: JsonObject, mutating: boolean): void {
  for (const hook of (configuration.webhooks ?? []) as JsonObject[]) {
    hook.failurePolicy ??= 'Fail';
    setMatchDefaults(hook, hook.rules ?? []);
    hook.timeoutSeconds ??= 10;
    if (mutating) hook.reinvocationPolicy ??= 'Never';
    if (hook.clientConfig?.service) hook.clientConfig.service.port ??= defaultWebhookPort;
  }
}

/** A domain of three parts at least. */
function validateHookName(name: string | undefined, field: string): FieldError[] {
  if (!name) return [required(field)];
  const wrong = isDnsSubdomain(name);
  if (wrong.length > 0) return wrong.map((why) => invalidValue(field, name, why));
  const why = 'should be a domain with at least three segments separated by dots';
  return name.split('.').length < 3 ? [invalidValue(field, name, why)] : [];
}

function validateReviewVersions(versions: readonly string[], field: string): FieldError[] {
  const accepted = reviewVersions.join(', ');
  if (versions.length === 0) return [required(field, `must specify one of ${accepted}`)];
  return [
    ...versions.flatMap((version, i) => {
      const wrong = versions.indexOf(version) < i ? ['duplicate version'] : isDns1035Label(version);
      return wrong.map((why) => invalidValue(`${field}[${i}]`, version, why));
    }),
    ...(versions.some((version) => reviewVersions.includes(version))
      ? []
      : [invalidValue(field, versions, `must include at least one of ${accepted}`)]),
  ];
}

function validateTimeout(seconds: number, field: string): FieldError[] {
  const why = 'the timeout value must be between 1 and 30 seconds';
  return seconds > 30 || seconds < 1 ? [invalidValue(field, seconds, why)] : [];
}

function validateSideEffects(sideEffects: string | undefined, field: string): FieldError[] {
  if (sideEffects === undefined)
    return [required(field, `must specify one of ${sideEffectClasses.join(', ')}`)];
  return validateChoice(sideEffects, field, sideEffectClasses);
}

interface Before {
  /** Conditions that were accepted before are not compiled again. */
  sameConditions: boolean;
}

function validateHook(hook: JsonObject, field: string, { sameConditions }: Before): FieldError[] {
  const { rules = [], reinvocationPolicy, matchConditions = [] } = hook;
  return [
    ...validateHookName(hook.name, `${field}.name`),
    ...(rules as JsonObject[]).flatMap((rule, i) => validateRule(rule, `${field}.rules[${i}]`)),
    ...validateChoice(hook.failurePolicy, `${field}.failurePolicy`, failurePolicies),
    ...validateChoice(hook.matchPolicy, `${field}.matchPolicy`, matchPolicies),
    ...validateSideEffects(hook.sideEffects, `${field}.sideEffects`),
    ...validateTimeout(hook.timeoutSeconds, `${field}.timeoutSeconds`),
    ...validateLabelSelector(hook.namespaceSelector, `${field}.namespaceSelector`),
    ...validateLabelSelector(hook.objectSelector, `${field}.objectSelector`),
    ...(reinvocationPolicy === undefined
      ? []
      : validateChoice(reinvocationPolicy, `${field}.reinvocationPolicy`, reinvocationPolicies)),
    ...validateClientConfig(hook.clientConfig, `${field}.clientConfig`),
    ...(sameConditions
      ? []
      : validateMatchConditions(matchConditions, `${field}.matchConditions`, { params: false })),
    ...validateReviewVersions(hook.admissionReviewVersions ?? [], `${field}.admissionReviewVersions`),
  ];
}

const conditionsOf = (hooks: readonly JsonObject[] | undefined) =>
  (hooks ?? []).map(({ matchConditions }) => matchConditions ?? []);

function validate({ webhooks = [] }: JsonObject, old?: JsonObject): FieldError[] {
  const names = (webhooks as JsonObject[]).map(({ name }) => name);
  const sameConditions = old !== undefined && equalJson(conditionsOf(webhooks), conditionsOf(old.webhooks));
  return (webhooks as JsonObject[]).flatMap((hook, i) => [
    ...validateHook(hook, `webhooks[${i}]`, { sameConditions }),
    ...(hook.name && names.indexOf(hook.name) < i ? [duplicate(`webhooks[${i}].name`, hook.name)] : []),
  ]);
}

const strategy = (mutating: boolean): Strategy => ({
  load: async () => void (await loadAdmissionEngine()),
  setDefaults: (configuration) => setDefaults(configuration, mutating),
  validate,
});

export const validatingWebhookStrategy = strategy(false);
export const mutatingWebhookStrategy = strategy(true);
