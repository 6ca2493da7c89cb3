/** The Store that a Reflector fills: a map by key, indices kept as objects change, lists made only when read. */
import { type KubeObject, keyOf } from '../meta.ts';
import type { Change, Store } from './store.ts';

/**
 * Objects under one index value: most often one, of many thousands of values, so that one stands for itself. The array
 * of more is made on demand and thrown away on change.
 */
type Bucket<T> = T | ManyObjects<T>;

class ManyObjects<T> {
  readonly objects = new Map<string, T>();
  #list: readonly T[] | undefined;

  list(): readonly T[] {
    this.#list ??= [...this.objects.values()];
    return this.#list;
  }

  set(key: string, object: T): void {
    this.objects.set(key, object);
    this.#list = undefined;
  }

  delete(key: string): void {
    this.objects.delete(key);
    this.#list = undefined;
  }
}

interface Index<T> {
  values: (object: T) => readonly string[];
  buckets: Map<string, Bucket<T>>;
}

const empty: readonly never[] = [];

export class MemoryStore<T extends KubeObject> implements Store<T> {
  readonly #all = new ManyObjects<T>();
  readonly #indices = new Map<string, Index<T>>();
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #onHandlerError: (error: unknown) => void;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;

  /** `onHandlerError` hears of handlers that throw; the others still run. */
  constructor(onHandlerError: (error: unknown) => void = reportLater) {
    this.#onHandlerError = onHandlerError;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  get size(): number {
    return this.#all.objects.size;
  }

  get(key: string): T | undefined {
    return this.#all.objects.get(key);
  }

  list(): readonly T[] {
    return this.#all.list();
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.#indices.get(index);
    if (found === undefined) throw new RangeError(`the store has no index "${index}"`);
    const bucket = found.buckets.get(value);
    if (bucket === undefined) return empty;
    return bucket instanceof ManyObjects ? bucket.list() : [bucket];
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.#indices.has(name)) return;
    const index: Index<T> = { values, buckets: new Map() };
    for (const [key, object] of this.#all.objects) addTo(index, key, object);
    this.#indices.set(name, index);
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Takes in a new or changed object. One that has another uid is told as a deletion and an addition. */
  set(object: T): void {
    const key = keyOf(object);
    const old = this.#all.objects.get(key);
    this.#put(key, old, object);
    this.#tellReplaced(old, object);
  }

  /** Takes out an object, if it is there. `last` is its state as the server deleted it. */
  delete(key: string, last?: T): void {
    const old = this.#all.objects.get(key);
    if (old === undefined) return;
    this.#drop(key, old);
    this.#tell({ old: last ?? old, new: undefined });
  }

  /**
   * Makes the store hold exactly `objects`. Handlers hear, once all is in place, only of what really differs:
   * objects gone, new, or of another resourceVersion. The first call completes `synced`.
   */
  replace(objects: readonly T[]): void {
    const changes = this.#dropAllBut(objects);
    for (const object of objects) {
      const key = keyOf(object);
      const old = this.#all.objects.get(key);
      if (old !== undefined && sameVersion(old, object)) continue;
      this.#put(key, old, object);
      changes.push({ old, new: object });
    }
    const first = !this.#hasSynced;
    this.#hasSynced = true;
    for (const change of changes) this.#tellReplaced(change.old, change.new);
    if (first) this.#synced.resolve();
  }

  #dropAllBut(objects: readonly T[]): Change<T>[] {
    if (this.size === 0) return [];
    const changes: Change<T>[] = [];
    const kept = new Set(objects.map(keyOf));
    for (const [key, old] of [...this.#all.objects]) {
      if (kept.has(key)) continue;
      this.#drop(key, old);
      changes.push({ old, new: undefined });
    }
    return changes;
  }

  #put(key: string, old: T | undefined, object: T): void {
    this.#all.set(key, object);
    for (const index of this.#indices.values()) {
      if (old !== undefined) removeFrom(index, key, old);
      addTo(index, key, object);
    }
  }

  #drop(key: string, old: T): void {
    this.#all.delete(key);
    for (const index of this.#indices.values()) removeFrom(index, key, old);
  }

  #tellReplaced(old: T | undefined, object: T | undefined): void {
    if (old !== undefined && object !== undefined && old.metadata.uid !== object.metadata.uid) {
      this.#tell({ old, new: undefined });
      this.#tell({ old: undefined, new: object });
    } else {
      this.#tell({ old, new: object });
    }
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }
}

function addTo<T extends KubeObject>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    if (bucket instanceof ManyObjects) bucket.set(key, object);
    else if (bucket === undefined || keyOf(bucket) === key) index.buckets.set(value, object);
    else {
      const many = new ManyObjects<T>();
      many.set(keyOf(bucket), bucket);
      many.set(key, object);
      index.buckets.set(value, many);
    }
  }
}

function removeFrom<T extends KubeObject>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    if (bucket instanceof ManyObjects) bucket.delete(key);
    const empty = bucket instanceof ManyObjects ? bucket.objects.size === 0 : bucket && keyOf(bucket) === key;
    if (empty) index.buckets.delete(value);
  }
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
}

/** A handler's bug is nobody's to catch here: it surfaces as an uncaught exception, after the store is whole. */
function reportLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
