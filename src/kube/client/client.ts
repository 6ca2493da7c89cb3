/**
 * The contract of every way to the Kubernetes API. Two implementations: HTTPS by kubeconfig, and in process
 * (for the lab's own controllers and kubelets). Nobody can tell which one it was given.
 *
 * Every method throws ApiError for an error Status of the server, and TendrilError API_UNREACHABLE when there
 * is no answer, or an answer stops midway. Objects that come back are frozen or private copies: never write to what a store or a watch
 * handed out; copy it first.
 */
import type { KubeObject, NewObject } from '../meta.ts';
import type { ResourceType } from '../resources.ts';

export interface ObjectKey {
  namespace?: string;
  name: string;
}

export interface ListOptions {
  /** All namespaces when absent. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  limit?: number;
  continue?: string;
  /** Ends the request, which then rejects with CANCELLED. */
  signal?: AbortSignal;
}

export interface KubeList<T> {
  /** Each item has apiVersion and kind filled in. */
  items: T[];
  resourceVersion: string;
  continue?: string;
  /** How long the answer was, where it came as text. */
  bytes?: number;
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue' | 'signal'> {
  /** Ends the watch; the iterator then returns. */
  signal?: AbortSignal;
  /** Bookmarks keep the resourceVersion fresh on a quiet watch; on unless false. */
  allowBookmarks?: boolean;
}

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string };

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json';

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>;
  /**
   * Events after options.resourceVersion. Ends (returns) when the server closes the stream; throws an ApiError
   * with reason Expired (410) when the version is too old: list again.
   */
  watch<T extends KubeObject>(type: ResourceType<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): Promise<T>;
  /** Replaces the object, or with subresource `status` its status; Conflict (409) when its resourceVersion is not current. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, subresource?: 'status'): Promise<T>;
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: { type: PatchType; body: unknown; subresource?: string },
  ): Promise<T>;
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** Any other request (discovery, scale, binding, logs); the answer's JSON. */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
}
