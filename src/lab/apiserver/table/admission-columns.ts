/** Webhooks and policies of admission as `kubectl get` shows them. */
import { formatSelector } from '../../../kube/selectors.ts';
import { ageColumn, type Column, column, integer, nameColumn } from './column.ts';

export const webhookColumns: readonly Column[] = [
  nameColumn,
  integer('Webhooks', ({ webhooks }) => webhooks?.length ?? 0),
  ageColumn,
];

const paramKind = column('ParamKind', ({ spec }) => {
  const kind = spec?.paramKind;
  return kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>';
});

export const policyColumns: readonly Column[] = [
  nameColumn,
  integer('Validations', ({ spec }) => spec?.validations?.length ?? 0),
  paramKind,
  ageColumn,
];

export const mutatingPolicyColumns: readonly Column[] = [
  nameColumn,
  integer('Mutations', ({ spec }) => spec?.mutations?.length ?? 0),
  paramKind,
  ageColumn,
];

export const policyBindingColumns: readonly Column[] = [
  nameColumn,
  column('PolicyName', ({ spec }) => spec?.policyName ?? ''),
  column('ParamRef', ({ spec }) => {
    const { name, namespace = '*', selector } = spec?.paramRef ?? {};
    if (name) return `${namespace}/${name}`;
    return selector ? formatSelector(selector) : '<unset>';
  }),
  ageColumn,
];
