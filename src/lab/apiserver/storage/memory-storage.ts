/** Storage in memory. Each collection keeps its last changes; older resourceVersions have expired. */
import type { KubeObject } from '../../../kube/meta.ts';
import { deepFreeze } from '../json.ts';
import { expired } from '../status.ts';
import type { ListRequest, Storage, StorageEvent } from './storage.ts';

/** What a collection holds, or held. */
interface Contents {
  objects: Map<string, KubeObject>;
  /** In order; built when a list asks for them, and kept up from then on. */
  sortedKeys: string[] | undefined;
}

interface Collection extends Contents {
  /** As somebody reads it page by page while it changes. */
  past: (Contents & { revision: number }) | undefined;
  log: StorageEvent[];
  /** Revision of the newest change that is no longer in the log. */
  expired: number;
  watchers: Set<(event: StorageEvent) => void>;
}

export interface MemoryStorageOptions {
  /** How many changes of each collection are kept at least, for watches and paged lists. */
  logLength?: number;
  /** What is there already, as of a revision. */
  entries?: Iterable<[collection: string, key: string, object: KubeObject]>;
  revision?: number;
  /** How it came to be, from a revision on; not known at all unless given. */
  history?: { after: number; changes: Iterable<[collection: string, event: StorageEvent]> };
  /** Told of each change before it is made; where it throws, nothing has changed. */
  journal?: (change: StoredChange) => void;
}

/** Without an object it is gone. */
export interface StoredChange {
  collection: string;
  key: string;
  revision: number;
  object: KubeObject | undefined;
}

export class MemoryStorage implements Storage {
  readonly #collections = new Map<string, Collection>();
  readonly #logLength: number;
  #revision: number;
  /** How it came to be is not known up to this one. */
  readonly #firstRevision: number;
  readonly #journal: NonNullable<MemoryStorageOptions['journal']>;

  constructor({
    logLength = 4096,
    revision = 0,
    entries = [],
    history,
    journal = () => {},
  }: MemoryStorageOptions = {}) {
    this.#journal = journal;
    this.#logLength = logLength;
    this.#revision = revision;
    this.#firstRevision = history?.after ?? revision;
    for (const [collection, key, object] of entries)
      this.#collection(collection).objects.set(key, deepFreeze(object));
    for (const [collection, event] of history?.changes ?? [])
      this.#append(this.#collection(collection), deepFreeze(event));
  }

  get revision(): number {
    return this.#revision;
  }

  get(collection: string, key: string): KubeObject | undefined {
    return this.#collection(collection).objects.get(key);
  }

  list(collection: string, request: ListRequest = {}): KubeObject[] {
    const from = this.#collection(collection);
    const { revision, after, namespace } = request;
    const current = revision === undefined || revision >= this.#revision;
    const { objects, keys } = sorted(current ? from : this.#asOf(from, revision));
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const result: KubeObject[] = [];
    let at = after === undefined || after < prefix ? placeOf(keys, prefix) : placeOf(keys, after, true);
    for (; at < keys.length && keys[at]!.startsWith(prefix); at++) result.push(objects.get(keys[at]!)!);
    return result;
  }

  /** All there is, in no order. */
  *entries(): Iterable<[collection: string, key: string, object: KubeObject]> {
    for (const [name, { objects }] of this.#collections)
      for (const [key, object] of objects) yield [name, key, object];
  }

  put(collection: string, key: string, object: KubeObject): KubeObject {
    const into = this.#collection(collection);
    const previous = into.objects.get(key);
    const stored = this.#stamped(object);
    this.#write({ collection, key, object: stored });
    into.objects.set(key, stored);
    if (previous === undefined) into.sortedKeys?.splice(placeOf(into.sortedKeys, key), 0, key);
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    this.#append(into, { type, revision: this.#revision, object: stored, previous });
    return stored;
  }

  remove(collection: string, key: string): KubeObject | undefined {
    const from = this.#collection(collection);
    const previous = from.objects.get(key);
    if (previous === undefined) return undefined;
    const last = this.#stamped(previous);
    this.#write({ collection, key, object: undefined });
    from.objects.delete(key);
    from.sortedKeys?.splice(placeOf(from.sortedKeys, key), 1);
    this.#append(from, { type: 'DELETED', revision: this.#revision, object: last, previous });
    return last;
  }

  watch(collection: string, afterRevision: number, onEvent: (event: StorageEvent) => void): () => void {
    const from = this.#collection(collection);
    if (afterRevision < from.expired) throw tooOld(afterRevision, from.expired);
    for (const event of from.log) if (event.revision > afterRevision) onEvent(event);
    from.watchers.add(onEvent);
    return () => void from.watchers.delete(onEvent);
  }

  #collection(name: string): Collection {
    let found = this.#collections.get(name);
    if (found === undefined) {
      const expired = this.#firstRevision;
      found = {
        ...{ objects: new Map(), sortedKeys: undefined, past: undefined },
        ...{ log: [], expired, watchers: new Set() },
      };
      this.#collections.set(name, found);
    }
    return found;
  }

  /** The next revision's object, frozen. */
  #stamped(object: KubeObject): KubeObject {
    const resourceVersion = String(this.#revision + 1);
    return deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion } });
  }

  /** Before anybody can see it. */
  #write(change: Omit<StoredChange, 'revision'>): void {
    this.#journal({ ...change, revision: this.#revision + 1 });
    this.#revision++;
  }

  #append(collection: Collection, event: StorageEvent): void {
    collection.log.push(event);
    if (collection.log.length >= this.#logLength * 2) {
      const dropped = collection.log.splice(0, collection.log.length - this.#logLength);
      collection.expired = dropped.at(-1)!.revision;
      collection.past = undefined;
    }
    for (const tell of [...collection.watchers]) tell(event);
  }

  /** The collection as it was: the current one with the log played backwards. */
  #asOf(collection: Collection, revision: number): Contents {
    if (revision < collection.expired) throw tooOld(revision, collection.expired);
    // Nothing has changed since, but for other collections.
    if ((collection.log.at(-1)?.revision ?? 0) <= revision) return collection;
    if (collection.past?.revision === revision) return collection.past;
    const objects = new Map(collection.objects);
    for (const event of collection.log.toReversed()) {
      if (event.revision <= revision) break;
      const { namespace, name } = event.object.metadata;
      const key = namespace ? `${namespace}/${name}` : name;
      if (event.previous === undefined) objects.delete(key);
      else objects.set(key, event.previous);
    }
    collection.past = { revision, objects, sortedKeys: undefined };
    return collection.past;
  }
}

function sorted(contents: Contents): { objects: Map<string, KubeObject>; keys: string[] } {
  contents.sortedKeys ??= [...contents.objects.keys()].sort();
  return { objects: contents.objects, keys: contents.sortedKeys };
}

/** Of the first that is not before the key; `behind`: that is after it. */
function placeOf(keys: readonly string[], key: string, behind = false): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key || (behind && keys[middle] === key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function tooOld(asked: number, oldest: number) {
  return expired(`too old resource version: ${asked} (${oldest})`);
}
