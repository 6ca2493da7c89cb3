/**
 * Keeps a MemoryStore equal to a collection of the API server's: lists it once, in pages, then watches. A watch
 * that ends is resumed from the last resourceVersion, which bookmarks keep fresh; only when the server no longer
 * has that version (410) is the collection listed again. While the API is away the store keeps what it has.
 */
import { Backoff } from '../../util/backoff.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { isError } from '../../util/errors.ts';
import { type Logger, silentLogger } from '../../util/logger.ts';
import { type KubeObject, keyOf } from '../meta.ts';
import type { ResourceType } from '../resources.ts';
import { isBusy, isExpired } from './api-error.ts';
import type { KubeClient, KubeList, ListOptions, WatchEvent } from './client.ts';
import type { MemoryStore } from './memory-store.ts';

/** Which part of a collection. */
export type Scope = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType<T>;
  store: MemoryStore<T>;
  scope?: Scope;
  /** Objects a page of the list. */
  pageSize?: number;
  /** Drops what nobody reads before the object is stored (managedFields are always dropped, after it). */
  transform?: (object: T) => T;
  /** Between tries while the API does not answer: its return is noticed 10 s later at the most, unless given. */
  backoff?: { initialMs: number; maxMs: number };
  logger?: Logger;
  clock?: Clock;
}

/** Tells how large the objects are. */
const firstPageSize = 50;
/** What is decoded in some 5 ms, for all else in the process waits meanwhile. */
const pageBytes = 512 * 1024;

/** How many objects such as these are one page; undefined where their size is unknown. */
function pageSizeAfter({ items, bytes }: KubeList<KubeObject>): number | undefined {
  return bytes === undefined ? undefined : Math.max(1, Math.floor((pageBytes * items.length) / bytes));
}

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #resourceVersion: string | undefined;
  #done: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#backoff = new Backoff({ ...(options.backoff ?? { initialMs: 100, maxMs: 10_000 }), jitter: 0.5 });
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Resolves when the watch is closed; the store keeps its content. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        const quiet = await this.#watch();
        // A server that closes every watch at once must not be asked again in a tight loop.
        if (quiet) await this.#pause();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        await this.#recover(error);
      }
    }
  }

  async #recover(error: unknown): Promise<void> {
    const fields = { resource: this.#options.type.plural, error };
    if (isExpired(error)) {
      this.#resourceVersion = undefined;
      this.#logger.debug('the watch is too old, listing again', fields);
      return this.#pause();
    }
    // Where there was no answer the version may still be good; where there was an error, it may be the cause.
    if (!isError(error, 'API_UNREACHABLE') && !isBusy(error)) this.#resourceVersion = undefined;
    this.#logger.warn('the API does not serve a watch, trying again', fields);
    await this.#pause();
  }

  async #pause(): Promise<void> {
    await this.#clock.sleep(this.#backoff.next(), this.#stop.signal).catch(() => {});
  }

  async #list(): Promise<void> {
    const { client, type, scope, store, pageSize = 500 } = this.#options;
    const items: T[] = [];
    const options = { ...scope, signal: this.#stop.signal };
    let limit = Math.min(firstPageSize, pageSize);
    let page: KubeList<T> = await client.list(type, { ...options, limit });
    for (;;) {
      for (const item of page.items) items.push(this.#trim(item));
      if (page.continue === undefined || page.continue === '') break;
      limit = Math.min(pageSizeAfter(page) ?? pageSize, pageSize);
      page = await client.list(type, { ...options, limit, continue: page.continue });
    }
    this.#stop.signal.throwIfAborted();
    this.#resourceVersion = page.resourceVersion;
    store.replace(items);
  }

  /** Returns whether the watch ended at once without a single event. */
  async #watch(): Promise<boolean> {
    const { client, type, scope } = this.#options;
    const began = this.#clock.monotonic();
    let events = 0;
    const options = { ...scope, resourceVersion: this.#resourceVersion, signal: this.#stop.signal };
    for await (const event of client.watch(type, options)) {
      this.#apply(event);
      if (events++ === 0) this.#backoff.reset();
    }
    return events === 0 && this.#clock.monotonic() - began < 1000;
  }

  #apply(event: WatchEvent<T>): void {
    const { store } = this.#options;
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    const object = this.#trim(event.object);
    this.#resourceVersion = object.metadata.resourceVersion;
    if (event.type === 'DELETED') store.delete(keyOf(object), object);
    else store.set(object);
  }

  /** managedFields are half of an object's size, and no reader's business. */
  #trim(object: T): T {
    const kept = this.#options.transform?.(object) ?? object;
    if ('managedFields' in kept.metadata && !Object.isFrozen(kept.metadata))
      delete kept.metadata.managedFields;
    return kept;
  }
}
