/** Policies, Ingresses, leases and the like as `kubectl get` shows them. */
import { formatSelector } from '../../../kube/selectors.ts';
import type { JsonObject } from '../json.ts';
import { ageColumn, type Column, column, integer, nameColumn, orNone, wide } from './column.ts';

export const plainColumns: readonly Column[] = [nameColumn, ageColumn];

export const networkPolicyColumns: readonly Column[] = [
  nameColumn,
  column('Pod-Selector', ({ spec }) => orNone(spec?.podSelector && formatSelector(spec.podSelector))),
  ageColumn,
];

export const ingressColumns: readonly Column[] = [
  nameColumn,
  column('Class', ({ spec, metadata }) =>
    orNone(spec?.ingressClassName ?? metadata.annotations?.['kubernetes.io/ingress.class']),
  ),
  column('Hosts', ({ spec }) => {
    const hosts = ((spec?.rules ?? []) as JsonObject[]).map((r) => r.host).filter(Boolean);
    return hosts.length === 0
      ? '*'
      : hosts.length > 3
        ? `${hosts.slice(0, 3).join(',')} + ${hosts.length - 3} more...`
        : hosts.join(',');
  }),
  column('Address', ({ status }) =>
    ((status?.loadBalancer?.ingress ?? []) as JsonObject[]).map((i) => i.ip ?? i.hostname).join(','),
  ),
  column('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
  ageColumn,
];

export const ingressClassColumns: readonly Column[] = [
  nameColumn,
  column('Controller', ({ spec }) => spec?.controller ?? ''),
  column('Parameters', ({ spec }) => {
    const p = spec?.parameters;
    return p ? `${p.kind}${p.apiGroup ? `.${p.apiGroup}` : ''}/${p.name}` : '<none>';
  }),
  ageColumn,
];

export const serviceCidrColumns: readonly Column[] = [
  nameColumn,
  column('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(',')),
  ageColumn,
];

export const ipAddressColumns: readonly Column[] = [
  nameColumn,
  column('ParentRef', ({ spec }) => {
    const { group, resource, namespace, name } = (spec?.parentRef ?? {}) as JsonObject;
    if (name === undefined) return '<none>';
    const what = group ? `${resource}.${group}` : resource;
    return [what.toLowerCase(), ...(namespace ? [namespace] : []), name].join('/');
  }),
  ageColumn,
];

export const leaseColumns: readonly Column[] = [
  nameColumn,
  column('Holder', ({ spec }) => spec?.holderIdentity ?? ''),
  ageColumn,
];

export const disruptionBudgetColumns: readonly Column[] = [
  nameColumn,
  column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
  column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
  integer('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0),
  ageColumn,
];

export const roleColumns: readonly Column[] = [
  nameColumn,
  column('Created At', ({ metadata }) => metadata.creationTimestamp),
];

export const roleBindingColumns: readonly Column[] = [
  nameColumn,
  column('Role', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  ageColumn,
  wide('Users', ({ subjects = [] }) =>
    subjects
      .filter((s: JsonObject) => s.kind === 'User')
      .map((s: JsonObject) => s.name)
      .join(', '),
  ),
  wide('Groups', ({ subjects = [] }) =>
    subjects
      .filter((s: JsonObject) => s.kind === 'Group')
      .map((s: JsonObject) => s.name)
      .join(', '),
  ),
  wide('ServiceAccounts', ({ subjects = [] }) =>
    subjects
      .filter((s: JsonObject) => s.kind === 'ServiceAccount')
      .map((s: JsonObject) => `${s.namespace}/${s.name}`)
      .join(', '),
  ),
];

export const priorityClassColumns: readonly Column[] = [
  nameColumn,
  integer('Value', (o) => o.value),
  column('Global-Default', (o) => o.globalDefault ?? false),
  ageColumn,
  column('PreemptionPolicy', (o) => o.preemptionPolicy ?? ''),
];
