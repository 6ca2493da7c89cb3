/**
 * A KubeClient whose server is a map, for unit tests: resourceVersions, conflicts, watches with bookmarks and 410,
 * selectors, generateName, finalizers, graceful deletion of pods, status kept apart from spec, deletion of what
 * the deleted owned, pod bindings. Objects are frozen, so that a test finds whoever writes to a shared one.
 */
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { mergePatch } from '../merge-patch.ts';
import { type KubeObject, keyOf, type NewObject, type ObjectMeta } from '../meta.ts';
import { apiVersionOf, type ResourceType, resources } from '../resources.ts';
import { throwIfCancelled } from './cancellation.ts';
import type {
  DeleteOptions,
  KubeClient,
  KubeList,
  ListOptions,
  ObjectKey,
  PatchType,
  WatchEvent,
  WatchOptions,
} from './client.ts';
import {
  apiError,
  deepFreeze,
  eventOf,
  gracePeriod,
  type HistoryEntry,
  matcher,
  pluralOf,
  specChanged,
  withSubresource,
} from './fake-rules.ts';

/** One request as `intercept` sees it. */
export interface FakeRequest {
  verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'request';
  type?: ResourceType;
  name?: string;
}

type Metadata = Partial<ObjectMeta>;

export class FakeClient implements KubeClient {
  /** Every write, in order: `create pods default/a`, `patch deployments/status default/web`. */
  readonly writes: string[] = [];
  /** May throw, to make a request fail. */
  intercept: (request: FakeRequest) => void = () => {};
  readonly #clock: Clock;
  readonly #collections = new Map<string, Map<string, KubeObject>>();
  readonly #types = new Map<string, ResourceType>();
  #history: HistoryEntry[] = [];
  /** Names made so far: none comes twice. */
  #generated = 0;
  #version = 0;
  #oldest = 0;
  #wake = Promise.withResolvers<void>();
  /** Watches are ended when this changes. */
  #epoch = 0;

  constructor(options: { clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  /** Puts an object in place as it is, status and all. */
  seed<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): T {
    return this.#store(type, undefined, this.#born(type, object)) as T;
  }

  /** Changes an object in place, as if somebody had updated it: for kubelet's part in tests. */
  change<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: unknown): T {
    const old = this.#find(type, key);
    return this.#store(type, old, mergePatch(structuredClone(old), patch)) as T;
  }

  /** What is stored now, all namespaces. */
  objects<T extends KubeObject>(type: ResourceType<T>): T[] {
    return [...this.#collection(type).values()] as T[];
  }

  /** Ends every watch, as servers do now and then. */
  closeWatches(): void {
    this.#epoch++;
    this.#notify();
  }

  /** Forgets history: a watch that resumes from before now gets 410. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#version;
    this.closeWatches();
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T> {
    this.intercept({ verb: 'get', type, name: key.name });
    return this.#find(type, key) as T;
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    this.intercept({ verb: 'list', type });
    throwIfCancelled(`the list of ${type.plural}`, options.signal);
    const selected = matcher(options);
    const all = [...this.#collection(type).entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
    const items = all.filter(selected) as T[];
    const start = Number(options.continue ?? 0);
    const end = options.limit ? start + options.limit : items.length;
    const next = end < items.length ? String(end) : undefined;
    return { items: items.slice(start, end), resourceVersion: String(this.#version), continue: next };
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    this.intercept({ verb: 'watch', type });
    const selected = matcher(options);
    let version = options.resourceVersion ? Number(options.resourceVersion) : this.#version;
    if (version < this.#oldest) throw apiError(410, 'Expired', `too old resource version: ${version}`);
    const epoch = this.#epoch;
    const onAbort = () => this.#notify();
    options.signal?.addEventListener('abort', onAbort);
    try {
      while (!options.signal?.aborted && epoch === this.#epoch) {
        const wake = this.#wake.promise;
        let told = false;
        for (const entry of this.#history.slice(version - this.#oldest)) {
          version = entry.version;
          const event = entry.plural === pluralOf(type) ? eventOf(entry, selected) : undefined;
          if (event === undefined) continue;
          told = true;
          yield event as WatchEvent<T>;
        }
        if (version >= this.#version && !told) await wake;
      }
      if (options.allowBookmarks !== false && !options.signal?.aborted) {
        yield { type: 'BOOKMARK', resourceVersion: String(version) };
      }
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): Promise<T> {
    this.intercept({ verb: 'create', type, name: object.metadata.name });
    const { status: _, ...body } = this.#born(type, object) as KubeObject & { status?: unknown };
    this.#record('create', type, body.metadata);
    if (this.#collection(type).has(keyOf(body))) {
      throw apiError(409, 'AlreadyExists', `${type.plural} "${body.metadata.name}" already exists`);
    }
    return this.#store(type, undefined, body) as T;
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T, subresource?: 'status'): Promise<T> {
    this.intercept({ verb: 'update', type, name: object.metadata.name });
    this.#record('update', type, object.metadata, subresource);
    const old = this.#find(type, object.metadata);
    const { uid, resourceVersion } = object.metadata;
    if (
      (uid && uid !== old.metadata.uid) ||
      (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
    ) {
      throw apiError(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${type.plural} "${object.metadata.name}"`,
      );
    }
    return this.#store(type, old, withSubresource(old, structuredClone(object), subresource)) as T;
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: { type: PatchType; body: unknown; subresource?: string },
  ): Promise<T> {
    this.intercept({ verb: 'patch', type, name: key.name });
    this.#record('patch', type, key, patch.subresource);
    if (patch.type === 'application/json-patch+json')
      throw apiError(415, 'UnsupportedMediaType', 'merge patches only');
    const old = this.#find(type, key);
    const patched = mergePatch(structuredClone(old), structuredClone(patch.body)) as KubeObject;
    return this.#store(type, old, withSubresource(old, patched, patch.subresource)) as T;
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    this.intercept({ verb: 'delete', type, name: key.name });
    this.#record('delete', type, key);
    const old = this.#find(type, key);
    const uid = options.preconditions?.uid;
    if (uid !== undefined && uid !== old.metadata.uid)
      throw apiError(409, 'Conflict', 'the UID in the precondition differs');
    const graceSeconds = gracePeriod(type, old, options);
    if ((old.metadata.finalizers?.length ?? 0) === 0 && graceSeconds === 0) this.#remove(type, old);
    else if (old.metadata.deletionTimestamp === undefined) {
      const deletionTimestamp = this.#now(graceSeconds * 1000);
      this.#store(
        type,
        old,
        mergePatch(old, { metadata: { deletionTimestamp, deletionGracePeriodSeconds: graceSeconds } }),
      );
    }
  }

  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    this.intercept({ verb: 'request', name: path });
    const binding = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/binding$/.exec(path);
    if (method === 'POST' && binding !== null) return this.#bind(binding[1]!, binding[2]!, body);
    if (method === 'POST' && path.endsWith('/token')) return this.#token(body);
    throw apiError(404, 'NotFound', `the fake does not serve ${method} ${path}`);
  }

  #bind(namespace: string, name: string, body: unknown): object {
    this.writes.push(`bind pods ${namespace}/${name}`);
    const pod = this.#find(resources.pods, { namespace, name }) as KubeObject & {
      spec: { nodeName?: string };
    };
    if (pod.spec.nodeName)
      throw apiError(409, 'Conflict', `pod ${name} is already assigned to node ${pod.spec.nodeName}`);
    const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: this.#now() };
    const nodeName = (body as { target: { name: string } }).target.name;
    this.change(
      resources.pods,
      { namespace, name },
      { spec: { nodeName }, status: { conditions: [condition] } },
    );
    return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', code: 201 };
  }

  #token(body: unknown): object {
    const { expirationSeconds } = (body as { spec: { expirationSeconds: number } }).spec;
    const expires = new Date(this.#clock.now() + expirationSeconds * 1000);
    return { status: { token: 'a-token', expirationTimestamp: expires.toISOString() } };
  }

  #collection(type: ResourceType): Map<string, KubeObject> {
    const plural = pluralOf(type);
    this.#types.set(plural, type);
    let collection = this.#collections.get(plural);
    if (collection === undefined) {
      collection = new Map();
      this.#collections.set(plural, collection);
    }
    return collection;
  }

  #find(type: ResourceType, key: ObjectKey): KubeObject {
    const found = this.#collection(type).get(keyOf({ metadata: key }));
    if (found === undefined) throw apiError(404, 'NotFound', `${type.plural} "${key.name}" not found`);
    return found;
  }

  #now(laterMs = 0): string {
    return new Date(this.#clock.now() + laterMs).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  #record(verb: string, type: ResourceType, at: Metadata, subresource?: string): void {
    const name = at.namespace ? `${at.namespace}/${at.name}` : at.name;
    this.writes.push(`${verb} ${type.plural}${subresource ? `/${subresource}` : ''} ${name}`);
  }

  #born<T extends KubeObject>(type: ResourceType<T>, object: NewObject<T>): KubeObject {
    const body = structuredClone(object) as unknown as KubeObject;
    const given: Metadata = body.metadata;
    const metadata = {
      ...given,
      name: given.name ?? `${given.generateName}${(++this.#generated).toString(36).padStart(5, '0')}`,
      uid: given.uid ?? randomUUID(),
      creationTimestamp: given.creationTimestamp ?? this.#now(),
      generation: given.generation ?? 1,
    };
    if (type.namespaced) metadata.namespace ??= 'default';
    return { ...body, apiVersion: apiVersionOf(type), kind: type.kind, metadata: metadata as ObjectMeta };
  }

  #store(type: ResourceType, old: KubeObject | undefined, next: KubeObject): KubeObject {
    if (old !== undefined && JSON.stringify(old) === JSON.stringify(next)) return old;
    const generation =
      (old?.metadata.generation ?? 1) + (old !== undefined && specChanged(old, next) ? 1 : 0);
    const { deletionTimestamp, finalizers, deletionGracePeriodSeconds = 0 } = next.metadata;
    if (old && deletionTimestamp && !finalizers?.length && deletionGracePeriodSeconds === 0) {
      this.#remove(type, old);
      return next;
    }
    const resourceVersion = String(++this.#version);
    const stored = deepFreeze({ ...next, metadata: { ...next.metadata, resourceVersion, generation } });
    this.#collection(type).set(keyOf(stored), stored);
    this.#append({ version: this.#version, plural: pluralOf(type), old, new: stored, last: stored });
    return stored;
  }

  #remove(type: ResourceType, old: KubeObject): void {
    this.#collection(type).delete(keyOf(old));
    const version = ++this.#version;
    const last = deepFreeze({ ...old, metadata: { ...old.metadata, resourceVersion: String(version) } });
    this.#append({ version, plural: pluralOf(type), old, new: undefined, last });
    this.#collectGarbage(old.metadata.uid);
  }

  #collectGarbage(uid: string): void {
    for (const [plural, collection] of this.#collections) {
      for (const object of [...collection.values()]) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.length > 0 && owners.every((owner) => owner.uid === uid)) {
          this.delete(this.#types.get(plural)!, object.metadata).catch(() => {});
        }
      }
    }
  }

  #append(entry: HistoryEntry): void {
    this.#history.push(entry);
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** An error that `intercept` can throw: no server there. */
export function unreachable(): TendrilError {
  return new TendrilError('API_UNREACHABLE', 'the fake API server does not answer');
}
