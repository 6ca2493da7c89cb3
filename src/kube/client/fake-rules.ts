/** The API server's rules that the fake client keeps, as functions of objects. */
import type { KubeObject } from '../meta.ts';
import type { ResourceType } from '../resources.ts';
import { compileFieldSelectorText, compileLabelSelectorText } from '../selectors.ts';
import { ApiError, type Status } from './api-error.ts';
import type { DeleteOptions, ListOptions, WatchEvent } from './client.ts';

export interface HistoryEntry {
  version: number;
  plural: string;
  old: KubeObject | undefined;
  new: KubeObject | undefined;
  /** The object as told in a DELETED event. */
  last: KubeObject;
}

export function pluralOf(type: ResourceType): string {
  return `${type.group}/${type.plural}`;
}

export function matcher(options: ListOptions): (object: KubeObject) => boolean {
  const labels = compileLabelSelectorText(options.labelSelector ?? '');
  const fields = compileFieldSelectorText(options.fieldSelector ?? '');
  const { namespace } = options;
  return (o) => (!namespace || o.metadata.namespace === namespace) && labels(o.metadata.labels) && fields(o);
}

/** An object that comes into the selection is ADDED to it, one that leaves is DELETED from it. */
export function eventOf(
  entry: HistoryEntry,
  selected: (object: KubeObject) => boolean,
): WatchEvent<KubeObject> | undefined {
  const was = entry.old !== undefined && selected(entry.old);
  const is = entry.new !== undefined && selected(entry.new);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: entry.new! };
  return was ? { type: 'DELETED', object: entry.last } : undefined;
}

/** A write to status changes nothing else; a plain write leaves status and the server's metadata alone. */
export function withSubresource(
  old: KubeObject,
  next: KubeObject,
  subresource: string | undefined,
): KubeObject {
  type WithStatus = KubeObject & { status?: unknown };
  if (subresource === 'status') return { ...old, status: (next as WithStatus).status } as KubeObject;
  const { uid, resourceVersion, creationTimestamp, deletionTimestamp, generation } = old.metadata;
  const metadata = { ...next.metadata, uid, resourceVersion, creationTimestamp, generation };
  if (deletionTimestamp !== undefined) metadata.deletionTimestamp = deletionTimestamp;
  const { status } = old as WithStatus;
  const { status: _, ...rest } = next as WithStatus;
  return { ...rest, metadata, ...(status === undefined ? {} : { status }) } as KubeObject;
}

export function specChanged(old: KubeObject, next: KubeObject): boolean {
  const spec = (object: KubeObject) => JSON.stringify((object as { spec?: unknown }).spec);
  return spec(old) !== spec(next);
}

/** Only pods that a kubelet runs are deleted gracefully. */
export function gracePeriod(type: ResourceType, object: KubeObject, options: DeleteOptions): number {
  if (type.plural !== 'pods') return 0;
  const { spec } = object as { spec?: { nodeName?: string; terminationGracePeriodSeconds?: number } };
  if (!spec?.nodeName) return 0;
  return options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30;
}

export function apiError(code: number, reason: string, message: string): ApiError {
  const status: Status = {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code,
  };
  return new ApiError(status);
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
