import { describe, expect, test } from 'vitest';
import { isExpired } from '../../../kube/client/api-error.ts';
import type { KubeObject } from '../../../kube/meta.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { StorageEvent } from './storage.ts';

const object = (name: string, namespace = 'a') =>
  ({ kind: 'X', metadata: { name, namespace } }) as KubeObject;
const fill = (storage: MemoryStorage, ...names: string[]) => {
  for (const name of names) storage.put('/xs', `a/${name}`, object(name));
};
const namesOf = (objects: KubeObject[]) => objects.map((o) => o.metadata.name).join(' ');
const told = (events: StorageEvent[]) =>
  events.map((e) => `${e.revision} ${e.type} ${e.object.metadata.name}`);

describe('storage', () => {
  test('one counter numbers the changes of all collections', () => {
    const storage = new MemoryStorage();
    storage.put('/xs', 'a/one', object('one'));
    storage.put('/ys', 'a/two', object('two'));
    expect(storage.get('/ys', 'a/two')?.metadata.resourceVersion).toBe('2');
    expect(storage.remove('/xs', 'a/one')?.metadata.resourceVersion).toBe('3');
    expect(storage.remove('/xs', 'a/one')).toBeUndefined();
  });

  test('what is stored is frozen', () => {
    const storage = new MemoryStorage();
    const stored = storage.put('/xs', 'a/one', object('one'));
    expect(() => Object.assign(stored.metadata, { name: 'other' })).toThrow(TypeError);
  });

  test('lists are in the order of keys, of one namespace where asked', () => {
    const storage = new MemoryStorage();
    fill(storage, 'c', 'a', 'b');
    storage.put('/xs', 'b/d', object('d', 'b'));
    expect(namesOf(storage.list('/xs'))).toBe('a b c d');
    expect(namesOf(storage.list('/xs', { namespace: 'a' }))).toBe('a b c');
    expect(namesOf(storage.list('/xs', { after: 'a/b' }))).toBe('c d');
  });

  test('a list of an earlier revision shows what was then', () => {
    const storage = new MemoryStorage();
    fill(storage, 'a', 'b');
    const then = storage.revision;
    storage.remove('/xs', 'a/a');
    fill(storage, 'c', 'b');
    const list = storage.list('/xs', { revision: then });
    expect(list.map((o) => `${o.metadata.name}@${o.metadata.resourceVersion}`)).toEqual(['a@1', 'b@2']);
  });

  test('keys stay in order while objects come and go, of each namespace from a key on', () => {
    const storage = new MemoryStorage();
    fill(storage, 'm', 'd', 'x');
    for (const name of ['m', 'a', 'z']) storage.put('/xs', `b/${name}`, object(name, 'b'));
    for (const name of ['e', 'a', 'zz', 'b']) {
      const listed = namesOf(storage.list('/xs', { namespace: 'a' }));
      fill(storage, name);
      const names = [...listed.split(' '), name].sort();
      expect(namesOf(storage.list('/xs', { namespace: 'a' }))).toBe(names.join(' '));
    }
    storage.remove('/xs', 'a/d');
    storage.remove('/xs', 'a/zz');
    expect(namesOf(storage.list('/xs'))).toBe('a b e m x a m z');
    const behind = (key: string, namespace?: string) =>
      namesOf(storage.list('/xs', { after: key, namespace }));
    expect([behind('a/e'), behind('a/d'), behind('b/m'), behind('b/zz')]).toEqual([
      'm x a m z',
      'e m x a m z',
      'z',
      '',
    ]);
    expect([behind('a/e', 'a'), behind('a/x', 'a'), behind('a/x', 'b')]).toEqual(['m x', '', 'a m z']);
  });

  test('pages of one revision are of that time, also after more changes', () => {
    const storage = new MemoryStorage();
    fill(storage, 'a', 'b', 'c');
    const { revision } = storage;
    storage.put('/ys', 'a/other', object('other'));
    expect(namesOf(storage.list('/xs', { revision, after: 'a/a' }))).toBe('b c');
    storage.remove('/xs', 'a/b');
    expect(namesOf(storage.list('/xs', { revision, after: 'a/a' }))).toBe('b c');
    fill(storage, 'bb');
    storage.remove('/xs', 'a/c');
    expect(namesOf(storage.list('/xs', { revision, after: 'a/b' }))).toBe('c');
    expect(namesOf(storage.list('/xs', { revision: revision + 2 }))).toBe('a c');
    expect(namesOf(storage.list('/xs'))).toBe('a bb');
  });

  test('a watch tells what came after its revision, then what comes', () => {
    const storage = new MemoryStorage();
    const events: StorageEvent[] = [];
    fill(storage, 'a', 'b');
    const stop = storage.watch('/xs', 1, (event) => events.push(event));
    fill(storage, 'b');
    storage.remove('/xs', 'a/a');
    stop();
    fill(storage, 'd');
    expect(told(events)).toEqual(['2 ADDED b', '3 MODIFIED b', '4 DELETED a']);
  });

  test('what the log no longer holds has expired', () => {
    const storage = new MemoryStorage({ logLength: 2 });
    fill(storage, 'a', 'b', 'c', 'd');
    const failure = (action: () => unknown) => {
      try {
        return action();
      } catch (error) {
        return isExpired(error);
      }
    };
    expect(failure(() => storage.watch('/xs', 1, () => {}))).toBe(true);
    expect(failure(() => storage.list('/xs', { revision: 1 }))).toBe(true);
    expect(failure(() => storage.list('/xs', { revision: 3 }).length)).toBe(3);
  });
});
