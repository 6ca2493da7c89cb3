/** Which requests a webhook or a policy is about (pkg/apis/admissionregistration/validation). */
import type { JsonObject } from '../../json.ts';
import {
  duplicate,
  type FieldError,
  invalidValue,
  notSupported,
  required,
} from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isPathSegment } from '../../validation/names.ts';

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];
export const failurePolicies = ['Fail', 'Ignore'];
export const matchPolicies = ['Equivalent', 'Exact'];

/** An enumeration's field that has to be there. */
export function validateChoice(value: unknown, field: string, choices: readonly string[]): FieldError[] {
  if (value === undefined) return [required(field)];
  return choices.includes(value as string) ? [] : [notSupported(field, value, choices)];
}

/** `*` stands for everything and alone; nothing is no choice. */
function validateWildcard(values: readonly string[], field: string, what: string): FieldError[] {
  if (values.length === 0) return [required(field)];
  return values.length > 1 && values.includes('*')
    ? [invalidValue(field, values, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateResources(resources: readonly string[], field: string): FieldError[] {
  if (resources.length === 0) return [required(field)];
  const errors: FieldError[] = [];
  const anySubresource = new Set<string>();
  const ofAnyResource = new Set<string>();
  let plain = false;
  for (const [i, text] of resources.entries()) {
    const at = `${field}[${i}]`;
    const [resource = '', ...rest] = text.split('/');
    const subresource = rest.join('/');
    if (text === '') errors.push(required(at));
    else if (rest.length === 0) plain = text !== '*';
    else {
      if (anySubresource.has(resource))
        errors.push(invalidValue(at, text, `if '${resource}/*' is present, must not specify ${text}`));
      if (ofAnyResource.has(subresource))
        errors.push(invalidValue(at, text, `if '*/${subresource}' is present, must not specify ${text}`));
      if (subresource === '*') anySubresource.add(resource);
      if (resource === '*') ofAnyResource.add(subresource);
    }
  }
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalidValue(field, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plain) {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalidValue(field, resources, why));
  }
  return errors;
}

export function validateRule(rule: JsonObject, field: string): FieldError[] {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const wanted = (rule.operations ?? []) as string[];
  return [
    ...validateWildcard(wanted, `${field}.operations`, 'operations'),
    ...wanted.flatMap((operation, i) => validateChoice(operation, `${field}.operations[${i}]`, operations)),
    ...validateWildcard(apiGroups, `${field}.apiGroups`, 'API groups'),
    ...validateWildcard(apiVersions, `${field}.apiVersions`, 'API versions'),
    ...(apiVersions as string[]).flatMap((version, i) =>
      version === '' ? [required(`${field}.apiVersions[${i}]`)] : [],
    ),
    ...validateResources(resources, `${field}.resources`),
    ...(scope === undefined ? [] : validateChoice(scope, `${field}.scope`, scopes)),
  ];
}

function validateNamedRule(rule: JsonObject, field: string): FieldError[] {
  const names = (rule.resourceNames ?? []) as string[];
  return [
    ...names.flatMap((name, i) => {
      const at = `${field}.resourceNames[${i}]`;
      return [
        ...isPathSegment(name).map((why) => invalidValue(at, name, why)),
        ...(names.indexOf(name) < i ? [duplicate(at, name)] : []),
      ];
    }),
    ...validateRule(rule, field),
  ];
}

/** MatchResources of a policy or of its binding. */
export function validateMatchResources(resources: JsonObject, field: string): FieldError[] {
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules, excludeResourceRules } = resources;
  const rules = (list: JsonObject[] | undefined, at: string) =>
    (list ?? []).flatMap((rule, i) => validateNamedRule(rule, `${at}[${i}]`));
  return [
    ...validateChoice(matchPolicy, `${field}.matchPolicy`, matchPolicies),
    ...validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`),
    ...validateLabelSelector(objectSelector, `${field}.objectSelector`),
    ...rules(resourceRules, `${field}.resourceRules`),
    ...rules(excludeResourceRules, `${field}.excludeResourceRules`),
  ];
}

/** What is left out of rules, with a selector that selects everything. */
export function setMatchDefaults(match: JsonObject, rules: readonly JsonObject[]): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of rules) rule.scope ??= '*';
}
