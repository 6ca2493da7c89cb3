/** What every KubeClient does, whatever is behind it. Run with a client of an empty server. */
import { expect, test } from 'vitest';
import { keyOf, type NewObject } from '../meta.ts';
import { resources } from '../resources.ts';
import type { ConfigMap } from '../types.ts';
import { isAlreadyExists, isConflict, isExpired, isNotFound } from './api-error.ts';
import type { KubeClient, WatchEvent } from './client.ts';

const type = resources.configMaps;
const merge = 'application/merge-patch+json';

function configMap(name: string, more: Partial<ConfigMap['metadata']> = {}): NewObject<ConfigMap> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', ...more },
    data: { a: '1' },
  };
}

/** `open` gives a client of a server that has the namespace `default` and no ConfigMap. */
export function clientCases(open: () => Promise<KubeClient>): void {
  test('what was created can be read, with the metadata of the server', async () => {
    const client = await open();
    const created = await client.create(type, configMap('one'));
    expect(created.metadata).toMatchObject({
      name: 'one',
      uid: expect.any(String),
      resourceVersion: expect.any(String),
    });
    const read = await client.get(type, { namespace: 'default', name: 'one' });
    expect(read).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
    expect(read.metadata.uid).toBe(created.metadata.uid);
  });

  test('errors carry the reason of the Status', async () => {
    const client = await open();
    await expect(client.get(type, { namespace: 'default', name: 'none' })).rejects.toSatisfy(isNotFound);
    await client.create(type, configMap('one'));
    await expect(client.create(type, configMap('one'))).rejects.toSatisfy(isAlreadyExists);
  });

  test('an update from an old version is a conflict', async () => {
    const client = await open();
    const first = await client.create(type, configMap('one'));
    const second = await client.update(type, { ...first, data: { a: '2' } });
    expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
    await expect(client.update(type, { ...first, data: { a: '3' } })).rejects.toSatisfy(isConflict);
  });

  test('a merge patch changes what it names and removes what is null', async () => {
    const client = await open();
    await client.create(type, configMap('one'));
    const body = { data: { a: null, b: '2' } };
    const patched = await client.patch(type, { namespace: 'default', name: 'one' }, { type: merge, body });
    expect(patched.data).toEqual({ b: '2' });
  });

  test('a generated name begins as asked', async () => {
    const client = await open();
    const { metadata } = await client.create(type, {
      ...configMap('unused'),
      metadata: { generateName: 'web-', namespace: 'default' },
    });
    expect(metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
  });

  test('lists select by namespace, label and field, in pages', async () => {
    const client = await open();
    for (const name of ['a', 'b', 'c'])
      await client.create(type, configMap(name, { labels: { letter: name } }));
    const names = async (options: object) =>
      (await client.list(type, { namespace: 'default', ...options })).items.map(keyOf);
    expect(await names({})).toEqual(['default/a', 'default/b', 'default/c']);
    expect(await names({ labelSelector: 'letter in (a,c)' })).toEqual(['default/a', 'default/c']);
    expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual(['default/b']);
    const page = await client.list(type, { namespace: 'default', limit: 2 });
    expect(page.items.map(keyOf)).toEqual(['default/a', 'default/b']);
    expect(page.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(await names({ limit: 2, continue: page.continue })).toEqual(['default/c']);
  });

  test('a list that nobody wants any more is cancelled', async () => {
    const client = await open();
    const listing = client.list(type, { signal: AbortSignal.abort() });
    await expect(listing).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('a watch tells everything after its resourceVersion, and ends with its signal', async () => {
    const client = await open();
    const before = await client.create(type, configMap('before'));
    const stop = new AbortController();
    const events: string[] = [];
    const { resourceVersion } = before.metadata;
    const watching = (async () => {
      for await (const event of client.watch(type, {
        namespace: 'default',
        resourceVersion,
        signal: stop.signal,
      })) {
        if (event.type === 'BOOKMARK') continue;
        events.push(`${event.type} ${event.object.metadata.name}`);
        if (event.type === 'DELETED') stop.abort();
      }
    })();
    await client.create(type, configMap('one'));
    await client.patch(
      type,
      { namespace: 'default', name: 'one' },
      { type: merge, body: { data: { a: '2' } } },
    );
    await client.delete(type, { namespace: 'default', name: 'one' });
    await watching;
    expect(events).toEqual(['ADDED one', 'MODIFIED one', 'DELETED one']);
  });

  test('an object that leaves a selection is deleted from its watch', async () => {
    const client = await open();
    const { metadata } = await client.create(type, configMap('one', { labels: { in: 'yes' } }));
    const watch = client.watch(type, {
      namespace: 'default',
      labelSelector: 'in=yes',
      resourceVersion: metadata.resourceVersion,
    });
    const iterator = watch[Symbol.asyncIterator]();
    await client.patch(
      type,
      { namespace: 'default', name: 'one' },
      { type: merge, body: { metadata: { labels: { in: 'no' } } } },
    );
    expect((await nextObject(iterator)).type).toBe('DELETED');
    await iterator.return?.();
  });

  test('deletion by another uid is refused', async () => {
    const client = await open();
    await client.create(type, configMap('one'));
    const key = { namespace: 'default', name: 'one' };
    await expect(client.delete(type, key, { preconditions: { uid: 'other' } })).rejects.toSatisfy(isConflict);
    await client.delete(type, key);
    await expect(client.get(type, key)).rejects.toSatisfy(isNotFound);
  });

  test('isExpired is told apart from other errors', async () => {
    const client = await open();
    await expect(client.get(type, { namespace: 'default', name: 'none' })).rejects.not.toSatisfy(isExpired);
  });
}

async function nextObject<T>(iterator: AsyncIterator<WatchEvent<T>>): Promise<WatchEvent<T>> {
  for (;;) {
    const { value, done } = await iterator.next();
    if (done) throw new Error('the watch ended');
    if (value.type !== 'BOOKMARK') return value;
  }
}
