/** Defaults and validation of roles and their bindings (pkg/apis/rbac). */
import type { JsonObject } from '../../json.ts';
import { type FieldError, invalidValue, notSupported, required } from '../../validation/field-error.ts';
import { validateLabelSelector } from '../../validation/label-selector.ts';
import { isDnsSubdomain, isPathSegment } from '../../validation/names.ts';
import { validateImmutable } from '../../validation/object-meta.ts';
import type { Strategy } from '../resource.ts';

const group = 'rbac.authorization.k8s.io';

function validateRule(rule: JsonObject, at: string, namespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  const errors = verbs.length === 0 ? [required(`${at}.verbs`, 'verbs must contain at least one value')] : [];
  if (urls.length > 0) {
    const wrong = (why: string) => errors.push(invalidValue(`${at}.nonResourceURLs`, urls, why));
    if (namespaced) wrong('namespaced rules cannot apply to non-resource URLs');
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      wrong('rules cannot apply to both regular resources and non-resource URLs');
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
  if (resources.length === 0)
    errors.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
  return errors;
}

function validateAggregation({ aggregationRule }: JsonObject): FieldError[] {
  if (aggregationRule === undefined) return [];
  const at = 'aggregationRule.clusterRoleSelectors';
  const selectors = (aggregationRule.clusterRoleSelectors ?? []) as JsonObject[];
  if (selectors.length === 0)
    return [required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  return selectors.flatMap((selector, i) => validateLabelSelector(selector, `${at}[${i}]`));
}

function roles(namespaced: boolean): Strategy {
  return {
    nameRule: isPathSegment,
    validate: (role) => [
      ...((role.rules ?? []) as JsonObject[]).flatMap((rule, i) =>
        validateRule(rule, `rules[${i}]`, namespaced),
      ),
      ...(namespaced ? [] : validateAggregation(role)),
    ],
  };
}

function validateSubject(subject: JsonObject, at: string, namespaced: boolean): FieldError[] {
  const { kind, name, namespace, apiGroup = '' } = subject;
  const errors = name ? [] : [required(`${at}.name`)];
  const ofGroup = (wanted: string) =>
    apiGroup === wanted ? [] : [notSupported(`${at}.apiGroup`, apiGroup, [wanted])];
  if (kind === 'User' || kind === 'Group') return [...errors, ...ofGroup(group)];
  if (kind !== 'ServiceAccount')
    return [...errors, notSupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group'])];
  return [
    ...errors,
    ...(name ? isDnsSubdomain(name).map((why) => invalidValue(`${at}.name`, name, why)) : []),
    ...ofGroup(''),
    ...(namespaced || namespace ? [] : [required(`${at}.namespace`)]),
  ];
}

function validateRoleRef({ roleRef = {} }: JsonObject, kinds: string[]): FieldError[] {
  const { apiGroup, kind, name } = roleRef as JsonObject;
  return [
    ...(apiGroup === group ? [] : [notSupported('roleRef.apiGroup', apiGroup, [group])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
    ...(name
      ? isPathSegment(name).map((why) => invalidValue('roleRef.name', name, why))
      : [required('roleRef.name')]),
  ];
}

function bindings(namespaced: boolean): Strategy {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  return {
    nameRule: isPathSegment,
    setDefaults(binding) {
      if (binding.roleRef) binding.roleRef.apiGroup ||= group;
      for (const subject of binding.subjects ?? []) {
        subject.apiGroup ??= subject.kind === 'ServiceAccount' ? '' : group;
        if (subject.apiGroup === '') delete subject.apiGroup;
      }
    },
    validate: (binding) => [
      ...validateRoleRef(binding, kinds),
      ...((binding.subjects ?? []) as JsonObject[]).flatMap((subject, i) =>
        validateSubject(subject, `subjects[${i}]`, namespaced),
      ),
    ],
    validateUpdate: (next, old) =>
      validateImmutable(next.roleRef, old.roleRef, 'roleRef').map((e) => ({
        ...e,
        message: e.message.replace('field is immutable', 'cannot change roleRef'),
      })),
  };
}

export const roleStrategy = roles(true);
export const clusterRoleStrategy = roles(false);
export const roleBindingStrategy = bindings(true);
export const clusterRoleBindingStrategy = bindings(false);
