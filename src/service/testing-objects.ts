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

/** A store that tests write to. */
export class TestStore<T extends KubeObject> implements Store<T> {
  readonly hasSynced = true;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, (object: T) => readonly string[]>();
  readonly #handlers = new Set<(change: Change<T>) => void>();

  set(object: T): void {
    const old = this.#objects.get(keyOf(object));
    this.#objects.set(keyOf(object), object);
    for (const handler of this.#handlers) handler({ old, new: object });
  }

  remove(key: string): void {
    const old = this.#objects.get(key);
    if (!this.#objects.delete(key)) return;
    for (const handler of this.#handlers) handler({ old, new: undefined });
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.list().filter((object) => this.#indexes.get(index)!(object).includes(value));
  }

  addIndex(index: string, values: (object: T) => readonly string[]): void {
    this.#indexes.set(index, values);
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  synced(): Promise<void> {
    return Promise.resolve();
  }
}
