/**
 * A cache of one resource type, filled by a Reflector. Reading is synchronous; changes are told to handlers
 * in the order of the watch. Objects in it are shared and frozen by convention: copy before writing.
 */
import type { KubeObject } from '../meta.ts';

export interface Change<T> {
  /** Undefined when the object is new. */
  old: T | undefined;
  /** Undefined when the object is gone. */
  new: T | undefined;
}

export interface Store<T extends KubeObject> {
  /** By `namespace/name`, or `name` for cluster-scoped objects. */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects by the value of an index registered with addIndex. */
  byIndex(index: string, value: string): readonly T[];
  /** Registers an index; `values` gives the index values of one object. */
  addIndex(index: string, values: (object: T) => readonly string[]): void;
  /** Handlers run synchronously after the store changed; the result unsubscribes. */
  onChange(handler: (change: Change<T>) => void): () => void;
  /** Resolves once the first full list is in. */
  synced(): Promise<void>;
  readonly hasSynced: boolean;
}
