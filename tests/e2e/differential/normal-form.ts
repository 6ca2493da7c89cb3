/**
 * What two servers' answers have in common: all but what each chooses for itself, and but for what the
 * lab's leaves out on purpose: what Go writes of empty fields, the volume with a pod's token (its kubelet mounts that
 * all the same), and of managed fields, that a structure is there, and those of the control plane itself.
 */
import type { Answer } from './exchange.ts';

const replacements: [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  // Of a table.
  [/^\d+s$/g, '<age>'],
  [/10\.96\.\d+\.\d+/g, '<cluster IP>'],
  [/fd00:10:96::[0-9a-f]*/g, '<cluster IP>'],
  [/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g, '<certificate>'],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>'],
];

export function normalText(text: string): string {
  return replacements.reduce((changed, [pattern, name]) => changed.replaceAll(pattern, name), text);
}

const chosen: Record<string, (value: string) => string> = {
  resourceVersion: (value) => (/^[1-9]\d*$/.test(value) ? '<revision>' : value),
  continue: (value) => (value === '' ? '' : '<token>'),
};

/** The volume with a pod's token, and what the programs of a control plane manage. */
function isLeftOut(item: unknown): boolean {
  const { name = '', manager = '' } = (item ?? {}) as { name?: string; manager?: string };
  return `${name}`.startsWith('kube-api-access-') || `${manager}`.startsWith('kube-');
}

const isEmpty = (value: unknown) =>
  value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);

/** In an order that does not depend on the second in which each wrote. */
function normalManagers(managers: object[]): unknown[] {
  const rank = ({ operation, manager, subresource }: Record<string, string>) =>
    [operation, manager, subresource].join();
  const kept = managers.filter((item) => !isLeftOut(item)) as Record<string, string>[];
  return kept.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).map((item) => normal(item));
}

function normal(value: unknown, key = ''): unknown {
  if (['nodePort', 'healthCheckNodePort'].includes(key)) return '<port>';
  if (typeof value === 'string') return chosen[key]?.(value) ?? normalText(value);
  if (key === 'managedFields' && Array.isArray(value)) return normalManagers(value);
  if (Array.isArray(value)) return value.filter((item) => !isLeftOut(item)).map((item) => normal(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([name, member]) => [normalText(name), normal(member, name)] as const)
    .filter(([name, member]) => name !== '.' && (name.includes(':') || !isEmpty(member)));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Of a list's items: kube-apiserver tells it of the list alone. */
function withoutKinds(body: unknown): unknown {
  const { items, ...list } = (body ?? {}) as { items?: object[] };
  if (!Array.isArray(items)) return body;
  return { ...list, items: items.map((item) => ({ ...item, kind: null, apiVersion: null })) };
}

/** What is wrong with values is told in the order of Go's maps, which is none. */
function withoutOrder(body: unknown): unknown {
  const { kind, details, ...rest } = (body ?? {}) as Record<string, unknown> & {
    details?: { causes?: { field: string; message: string }[] };
  };
  const causes = details?.causes ?? [];
  if (kind !== 'Status' || causes.length < 2) return body;
  const told = ({ field, message }: { field: string; message: string }) => `${field}: ${message}`;
  const sorted = [...causes].sort((a, b) => (told(a) < told(b) ? -1 : 1));
  const start = String(rest.message).split(': ')[0];
  return { ...rest, kind, details: { ...details, causes: sorted }, message: start };
}

/** The lab's definitions are in force at once, and there a moment later. */
function withoutState(body: unknown): unknown {
  const { kind, status } = (body ?? {}) as { kind?: string; status?: { storedVersions?: string[] } };
  if (kind !== 'CustomResourceDefinition') return body;
  return { ...(body as object), status: { storedVersions: status?.storedVersions } };
}

/** With generated names' ends cut off. */
export function normalForm({ status, warnings, body }: Answer): Answer {
  const metadata = (body as { metadata?: { generateName?: string; name?: string } } | null)?.metadata;
  const { generateName, name } = metadata ?? {};
  const cut = (answer: unknown) =>
    generateName && name
      ? JSON.parse(JSON.stringify(answer).replaceAll(name, `${generateName}<random>`))
      : answer;
  return { status, warnings, body: normal(withoutState(withoutOrder(withoutKinds(cut(body))))) };
}
