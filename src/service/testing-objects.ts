/** Services, EndpointSlices and stores for tests, with only what matters spelled out. */
import type { Change, Store } from '../kube/client/store.ts';
import { type KubeObject, keyOf, type ObjectMeta } from '../kube/meta.ts';
import type { EndpointSlice, Service } from '../kube/types.ts';

function meta(name: string, labels: Record<string, string> = {}): ObjectMeta {
  return { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '', labels };
}

export function testService(name: string, spec: Partial<NonNullable<Service['spec']>>, labels = {}): Service {
  return { metadata: meta(name, labels), spec: { type: 'ClusterIP', ...spec } } as Service;
}

export interface TestEndpoint {
  ip: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
}

export interface TestSlice {
  family: 4 | 6;
  ports: { name?: string; port: number; protocol?: string }[];
  endpoints: TestEndpoint[];
  suffix?: string;
}

export function testSlice(service: string, slice: TestSlice): EndpointSlice {
  return {
    metadata: meta(`${service}-${slice.family}${slice.suffix ?? ''}`, {
      'kubernetes.io/service-name': service,
    }),
    addressType: slice.family === 4 ? 'IPv4' : 'IPv6',
    ports: slice.ports.map((port) => ({ name: '', protocol: 'TCP', ...port })),
    endpoints: slice.endpoints.map(({ ip, node, ready = true, serving = ready, terminating = false }) => ({
      addresses: [ip],
      nodeName: node,
      conditions: { ready, serving, terminating },
    })),
  } as EndpointSlice;
}

class Index<T> {
  readonly #values: (object: T) => readonly string[];
  readonly #keys = new Map<string, Set<string>>();

  constructor(values: (object: T) => readonly string[]) {
    this.#values = values;
  }

  add(object: T, key: string): void {
    for (const value of this.#values(object))
      this.#keys.set(value, (this.#keys.get(value) ?? new Set()).add(key));
  }

  remove(object: T, key: string): void {
    for (const value of this.#values(object)) this.#keys.get(value)?.delete(key);
  }

  keys(value: string): string[] {
    return [...(this.#keys.get(value) ?? [])];
  }
}

/** A store that tests write to. */
export class TestStore<T extends KubeObject> implements Store<T> {
  readonly hasSynced = true;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<(change: Change<T>) => void>();

  set(object: T): void {
    const old = this.#objects.get(keyOf(object));
    this.#put(keyOf(object), object);
    for (const handler of this.#handlers) handler({ old, new: object });
  }

  remove(key: string): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#put(key, undefined);
    for (const handler of this.#handlers) handler({ old, new: undefined });
  }

  #put(key: string, object: T | undefined): void {
    const old = this.#objects.get(key);
    for (const index of this.#indexes.values()) {
      if (old) index.remove(old, key);
      if (object) index.add(object, key);
    }
    if (object) this.#objects.set(key, object);
    else this.#objects.delete(key);
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#indexes
      .get(index)!
      .keys(value)
      .map((key) => this.#objects.get(key)!);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    const index = new Index(values);
    for (const [key, object] of this.#objects) index.add(object, key);
    this.#indexes.set(name, index);
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  synced(): Promise<void> {
    return Promise.resolve();
  }
}
