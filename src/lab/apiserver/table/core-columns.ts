/** Nodes, namespaces, Services and other plain kinds as `kubectl get` shows them. */
import type { JsonObject } from '../json.ts';
import {
  ageColumn,
  type Column,
  column,
  integer,
  mapText,
  nameColumn,
  orNone,
  since,
  wide,
} from './column.ts';

function nodeStatusText({ spec, status }: JsonObject): string {
  const ready = ((status?.conditions ?? []) as JsonObject[]).find((c) => c.type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeRolesText({ metadata }: JsonObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries((metadata.labels ?? {}) as Record<string, string>)
    .map(([key, value]) =>
      key.startsWith(prefix) ? key.slice(prefix.length) : key === 'kubernetes.io/role' ? value : '',
    )
    .filter((role) => role !== '');
  return orNone([...new Set(roles)].sort().join(','));
}

const nodeAddress = (type: string) => (node: JsonObject) =>
  orNone(((node.status?.addresses ?? []) as JsonObject[]).find((a) => a.type === type)?.address);
const nodeInfo = (key: string) => (node: JsonObject) => node.status?.nodeInfo?.[key] || '<unknown>';

export const nodeColumns: readonly Column[] = [
  nameColumn,
  column('Status', nodeStatusText),
  column('Roles', nodeRolesText),
  ageColumn,
  column('Version', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', nodeAddress('InternalIP')),
  wide('External-IP', nodeAddress('ExternalIP')),
  wide('OS-Image', nodeInfo('osImage')),
  wide('Kernel-Version', nodeInfo('kernelVersion')),
  wide('Container-Runtime', nodeInfo('containerRuntimeVersion')),
];

export const namespaceColumns: readonly Column[] = [
  nameColumn,
  column('Status', (namespace) => namespace.status?.phase ?? ''),
  ageColumn,
];

function externalIpText({ spec, status }: JsonObject): string {
  const ips = (spec.externalIPs ?? []) as string[];
  if (spec.type === 'ExternalName') return orNone(spec.externalName);
  if (spec.type !== 'LoadBalancer') return orNone(ips.join(','));
  const ingress = ((status?.loadBalancer?.ingress ?? []) as JsonObject[]).map((i) => i.ip ?? i.hostname);
  const all = [...ingress, ...ips];
  return all.length > 0 ? all.join(',') : '<pending>';
}

function portsText({ spec }: JsonObject): string {
  return orNone(
    ((spec.ports ?? []) as JsonObject[])
      .map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`))
      .join(','),
  );
}

export const serviceColumns: readonly Column[] = [
  nameColumn,
  column('Type', ({ spec }) => spec.type),
  column('Cluster-IP', ({ spec }) => orNone(spec.clusterIPs?.[0])),
  column('External-IP', externalIpText),
  column('Port(s)', portsText),
  ageColumn,
  wide('Selector', ({ spec }) => mapText(spec.selector)),
];

/** The first three, and how many more there are. */
function some(values: string[], limit = 3): string {
  if (values.length === 0) return '<none>';
  const rest = values.length - limit;
  return rest > 0 ? `${values.slice(0, limit).join(',')} + ${rest} more...` : values.join(',');
}

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  column('Endpoints', ({ subsets = [] }) =>
    some(
      (subsets as JsonObject[]).flatMap((s) =>
        ((s.addresses ?? []) as JsonObject[]).flatMap((a) =>
          ((s.ports ?? []) as JsonObject[]).map((p) => `${a.ip}:${p.port}`),
        ),
      ),
    ),
  ),
  ageColumn,
];

export const endpointSliceColumns: readonly Column[] = [
  nameColumn,
  column('AddressType', (slice) => slice.addressType),
  column('Ports', ({ ports = [] }) =>
    ports.length === 0 ? '<unset>' : some((ports as JsonObject[]).map((p) => String(p.port ?? '*'))),
  ),
  column('Endpoints', ({ endpoints }) =>
    endpoints?.length ? some((endpoints as JsonObject[]).flatMap((e) => e.addresses as string[])) : '<unset>',
  ),
  ageColumn,
];

const dataCount = (o: JsonObject) =>
  Object.keys(o.data ?? {}).length + Object.keys(o.binaryData ?? {}).length;

export const configMapColumns: readonly Column[] = [nameColumn, integer('Data', dataCount), ageColumn];
export const secretColumns: readonly Column[] = [
  nameColumn,
  column('Type', (secret) => secret.type),
  integer('Data', dataCount),
  ageColumn,
];
export const serviceAccountColumns: readonly Column[] = [
  nameColumn,
  integer('Secrets', (account) => account.secrets?.length ?? 0),
  ageColumn,
];
export const claimColumns: readonly Column[] = [
  nameColumn,
  column('Status', (claim) => claim.status?.phase ?? ''),
  column('Volume', (claim) => claim.spec?.volumeName ?? ''),
  column('Capacity', (claim) => claim.status?.capacity?.storage ?? ''),
  column('Access Modes', (claim) => ((claim.status?.accessModes ?? []) as string[]).join(',')),
  column('StorageClass', (claim) => claim.spec?.storageClassName ?? ''),
  ageColumn,
  wide('VolumeMode', (claim) => claim.spec?.volumeMode ?? ''),
];

const lastSeen = (event: JsonObject, now: number) =>
  since(
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp,
    now,
  );

function eventSource({ source = {}, reportingComponent, reportingInstance }: JsonObject): string {
  const component = source.component || reportingComponent || '';
  const host = source.host || reportingInstance || '';
  return host === '' ? component : `${component}, ${host}`;
}

export const eventColumns: readonly Column[] = [
  column('Last Seen', lastSeen),
  column('Type', (event) => event.type ?? ''),
  column('Reason', (event) => event.reason ?? ''),
  column('Object', ({ involvedObject: o = {} }) => `${String(o.kind ?? '').toLowerCase()}/${o.name ?? ''}`),
  wide('Subobject', ({ involvedObject: o = {} }) => o.fieldPath ?? ''),
  wide('Source', eventSource),
  column('Message', (event) => String(event.message ?? '').trim()),
  wide('First Seen', (event, now) => since(event.firstTimestamp ?? event.eventTime, now)),
  wide('Count', (event) => event.series?.count ?? event.count ?? 1),
  { ...nameColumn, priority: 1 },
];
