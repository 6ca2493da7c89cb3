/** A set of stores, one for each collection that somebody asked for, with the reflectors that fill them. */
import type { Clock } from '../../util/clock.ts';
import { type Logger, silentLogger } from '../../util/logger.ts';
import type { KubeObject } from '../meta.ts';
import { type ResourceType, resourcePath } from '../resources.ts';
import type { KubeClient } from './client.ts';
import { MemoryStore } from './memory-store.ts';
import { Reflector, type Scope } from './reflector.ts';
import type { Store } from './store.ts';

export interface InformersOptions {
  client: KubeClient;
  logger?: Logger;
  clock?: Clock;
  /** What stores keep of objects of a type: all but managedFields unless given. */
  kept?: ReadonlyMap<ResourceType, (object: KubeObject) => KubeObject>;
}

export interface Informers {
  /** The store of a collection; the same one for the same question. Filled once `start` has been called. */
  store<T extends KubeObject>(type: ResourceType<T>, scope?: Scope): Store<T>;
  /** Begins to list and watch; stores asked for later start at once. */
  start(): void;
  /** Closes the watches; stores keep what they have. */
  stop(): Promise<void>;
  /** Resolves once every store asked for so far has its first full list. */
  allSynced(): Promise<void>;
}

interface Informer {
  store: MemoryStore<KubeObject>;
  reflector: Reflector<KubeObject>;
}

/** Informers over a client. They hold no connection until `start`. */
export function createInformers({ client, logger = silentLogger, clock, kept }: InformersOptions): Informers {
  const informers = new Map<string, Informer>();
  let running = false;

  const create = (type: ResourceType, scope: Scope): Informer => {
    const store = new MemoryStore<KubeObject>((error) =>
      logger.error('a handler of store changes failed', { resource: type.plural, error }),
    );
    return {
      store,
      reflector: new Reflector({ client, type, scope, store, logger, clock, transform: kept?.get(type) }),
    };
  };

  return {
    store<T extends KubeObject>(type: ResourceType<T>, scope: Scope = {}): Store<T> {
      const { namespace = '', labelSelector = '', fieldSelector = '' } = scope;
      const key = JSON.stringify([resourcePath(type), namespace, labelSelector, fieldSelector]);
      let informer = informers.get(key);
      if (informer === undefined) {
        informer = create(type, scope);
        informers.set(key, informer);
        if (running) informer.reflector.start();
      }
      return informer.store as unknown as Store<T>;
    },
    start() {
      running = true;
      for (const { reflector } of informers.values()) reflector.start();
    },
    async stop() {
      running = false;
      await Promise.all([...informers.values()].map(({ reflector }) => reflector.stop()));
    },
    async allSynced() {
      await Promise.all([...informers.values()].map(({ store }) => store.synced()));
    },
  };
}
