/**
 * Where the API server keeps its objects: a revisioned map with a log of changes, as etcd is one. Synchronous,
 * so that reading, deciding and writing happen with nothing in between.
 */
import type { KubeObject } from '../../../kube/meta.ts';

export interface StorageEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  revision: number;
  /** The object after the change; after a deletion its last state, with the deletion's revision. */
  object: KubeObject;
  /** The object before the change; absent for one that was added. */
  previous: KubeObject | undefined;
}

export interface ListRequest {
  /** All namespaces when absent. */
  namespace?: string;
  /** Reads as of this revision; the current one when absent. Throws ApiError Expired when it is too old. */
  revision?: number;
  /** Only keys after this one. */
  after?: string;
}

/**
 * Collections are named by `group/plural`; keys are `namespace/name` or `name`. Objects are frozen, hold their
 * resourceVersion and are never changed: a write puts a new object in place.
 */
export interface Storage {
  /** Of the last change, in any collection. */
  readonly revision: number;
  get(collection: string, key: string): KubeObject | undefined;
  /** In the order of keys. */
  list(collection: string, request?: ListRequest): KubeObject[];
  /** Stores a new or changed object under the next revision and freezes it; the result is what is stored. */
  put(collection: string, key: string, object: KubeObject): KubeObject;
  /** Removes it; the result is its last state, with the deletion's revision. Undefined when it was not there. */
  remove(collection: string, key: string): KubeObject | undefined;
  /**
   * Tells changes after a revision: past ones before this returns, later ones as they happen, synchronously and in order.
   * The result ends it. Throws ApiError Expired when the log no longer reaches back so far.
   */
  watch(collection: string, afterRevision: number, onEvent: (event: StorageEvent) => void): () => void;
}
