import { afterEach, expect, test, vi } from 'vitest';
import { FakeClock } from '../../util/clock.ts';
import { type ResourceType, resources } from '../resources.ts';
import type { ConfigMap } from '../types.ts';
import { FakeClient, type FakeRequest, unreachable } from './fake-client.ts';
import { apiError } from './fake-rules.ts';
import { createInformers, type Informers } from './informers.ts';
import { MemoryStore } from './memory-store.ts';
import { Reflector } from './reflector.ts';

const type: ResourceType<ConfigMap> = resources.configMaps;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const seed = (client: FakeClient, name: string, data = 'x') =>
  client.seed(type, { metadata: { name, namespace: 'ns' }, data: { data } });

function reflect(
  client: FakeClient,
  options: { pageSize?: number; backoff?: { initialMs: number; maxMs: number } } = {},
) {
  const store = new MemoryStore<ConfigMap>();
  const changes: string[] = [];
  store.onChange(({ old, new: now }) =>
    changes.push(`${now === undefined ? '-' : old === undefined ? '+' : '~'}${(now ?? old)!.metadata.name}`),
  );
  const verbs: string[] = [];
  client.intercept = ({ verb }: FakeRequest) => void verbs.push(verb);
  const reflector = new Reflector({ client, type, store, backoff: { initialMs: 1, maxMs: 4 }, ...options });
  stops.push(() => reflector.stop());
  reflector.start();
  return { store, changes, verbs };
}

test('lists in pages, then follows the watch', async () => {
  const client = new FakeClient();
  for (const name of ['a', 'b', 'c', 'd', 'e']) seed(client, name);
  const { store, changes, verbs } = reflect(client, { pageSize: 2 });
  await store.synced();
  expect(store.list().map((o) => o.metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(verbs.slice(0, 3)).toEqual(['list', 'list', 'list']);
  changes.length = 0;
  seed(client, 'f');
  client.change(type, { namespace: 'ns', name: 'a' }, { data: { data: 'y' } });
  await client.delete(type, { namespace: 'ns', name: 'b' });
  await vi.waitFor(() => expect(changes).toEqual(['+f', '~a', '-b']));
});

test('a closed watch is resumed without listing again', async () => {
  const client = new FakeClient();
  const { store, changes, verbs } = reflect(client);
  await store.synced();
  client.closeWatches();
  seed(client, 'late');
  await vi.waitFor(() => expect(changes).toEqual(['+late']));
  expect(verbs.filter((verb) => verb === 'list')).toHaveLength(1);
});

test('a watch that is too old leads to a new list, which tells only differences', async () => {
  const client = new FakeClient();
  for (const name of ['a', 'b']) seed(client, name);
  const { store, changes, verbs } = reflect(client);
  await store.synced();
  await vi.waitFor(() => expect(verbs).toContain('watch'));
  changes.length = 0;
  let failing = true;
  client.intercept = ({ verb }) => {
    if (failing) throw unreachable();
    verbs.push(verb);
  };
  client.closeWatches();
  await vi.waitFor(() => expect(store.hasSynced).toBe(true));
  client.change(type, { namespace: 'ns', name: 'a' }, { data: { data: 'y' } });
  seed(client, 'c');
  client.compact();
  failing = false;
  await vi.waitFor(() => expect(changes).toEqual(['~a', '+c']));
});

test('a server that is busy is no reason to list again; one that refuses is', async () => {
  const client = new FakeClient();
  const { store, verbs } = reflect(client);
  await store.synced();
  await vi.waitFor(() => expect(verbs).toEqual(['list', 'watch']));
  const errors = [apiError(503, 'ServiceUnavailable', ''), apiError(429, 'TooManyRequests', '')];
  client.intercept = ({ verb }) => {
    verbs.push(verb);
    const error = errors.shift();
    if (error !== undefined) throw error;
  };
  client.closeWatches();
  await vi.waitFor(() => expect(verbs).toEqual(['list', ...Array(4).fill('watch')]));
  errors.push(apiError(403, 'Forbidden', ''));
  client.closeWatches();
  await vi.waitFor(() => expect(verbs.slice(5)).toEqual(['watch', 'list', 'watch']));
});

test('while the API is away the store keeps what it has, and catches up when it is back', async () => {
  const client = new FakeClient();
  seed(client, 'a');
  const { store, changes } = reflect(client);
  await store.synced();
  let tries = 0;
  client.intercept = () => {
    tries++;
    throw unreachable();
  };
  client.closeWatches();
  seed(client, 'b');
  await vi.waitFor(() => expect(tries).toBeGreaterThan(3));
  expect(store.list().map((o) => o.metadata.name)).toEqual(['a']);
  client.intercept = () => {};
  await vi.waitFor(() => expect(changes).toEqual(['+a', '+b']));
});

test('an API that was away for long is found 10 s after its return at the latest', async () => {
  const clock = new FakeClock();
  const client = new FakeClient({ clock });
  seed(client, 'a');
  client.intercept = () => {
    throw unreachable();
  };
  const store = new MemoryStore<ConfigMap>();
  const reflector = new Reflector({ client, type, store, clock });
  stops.push(() => reflector.stop());
  reflector.start();
  await clock.advance(300_000);
  client.intercept = () => {};
  await clock.advance(10_000);
  expect(store.list()).toHaveLength(1);
});

test('stops though the server never answers its list', async () => {
  const client = new FakeClient();
  const asked = Promise.withResolvers<void>();
  client.list = (_type, { signal } = {}) => {
    asked.resolve();
    return new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason)));
  };
  const store = new MemoryStore<ConfigMap>();
  const reflector = new Reflector({ client, type, store });
  reflector.start();
  await asked.promise;
  await reflector.stop();
  expect(store.hasSynced).toBe(false);
});

test('informers share a store for the same question and start those asked for late', async () => {
  const client = new FakeClient();
  seed(client, 'a');
  const informers: Informers = createInformers({ client });
  stops.push(() => informers.stop());
  const all = informers.store(type);
  expect(informers.store(type)).toBe(all);
  informers.start();
  const one = informers.store(type, { fieldSelector: 'metadata.name=b' });
  expect(one).not.toBe(all);
  await informers.allSynced();
  expect([all.list().length, one.list().length]).toEqual([1, 0]);
});
