import { expect, test } from 'vitest';
import type { KubeObject } from '../meta.ts';
import { MemoryStore } from './memory-store.ts';

type Item = KubeObject & { node: string };

const item = (name: string, node = 'n1', resourceVersion = '1', uid = name): Item => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion, creationTimestamp: '' },
  node,
});

function recorded() {
  const store = new MemoryStore<Item>();
  const changes: string[] = [];
  store.addIndex('node', (object) => [object.node]);
  store.onChange(({ old, new: now }) => {
    const side = (o: Item | undefined) => (o === undefined ? '-' : `${o.metadata.name}@${o.node}`);
    changes.push(`${side(old)} -> ${side(now)} (${store.size})`);
  });
  return { store, changes };
}

test('objects are found by key and by index as they come, change and go', () => {
  const { store } = recorded();
  store.set(item('a'));
  store.set(item('b'));
  const names = (node: string) => store.byIndex('node', node).map((o) => o.metadata.name);
  expect(names('n1')).toEqual(['a', 'b']);
  store.set(item('a', 'n2', '2'));
  expect([names('n1'), names('n2')]).toEqual([['b'], ['a']]);
  store.delete('ns/b');
  expect([names('n1'), store.list().length, store.get('ns/a')?.node]).toEqual([[], 1, 'n2']);
});

test('an index that is registered late covers what is there', () => {
  const store = new MemoryStore<Item>();
  store.set(item('a', 'n7'));
  store.addIndex('node', (object) => [object.node]);
  expect(store.byIndex('node', 'n7')).toHaveLength(1);
});

test('replace tells only real differences, once all is in place', () => {
  const { store, changes } = recorded();
  for (const name of ['same', 'changed', 'gone']) store.set(item(name));
  changes.length = 0;
  store.replace([item('same'), item('changed', 'n2', '2'), item('new')]);
  expect(changes).toEqual(['gone@n1 -> - (3)', 'changed@n1 -> changed@n2 (3)', '- -> new@n1 (3)']);
});

test('an object of the same name and another uid is another object', () => {
  const { store, changes } = recorded();
  store.set(item('a', 'n1', '1', 'uid-1'));
  store.set(item('a', 'n2', '5', 'uid-2'));
  expect(changes.slice(1)).toEqual(['a@n1 -> - (1)', '- -> a@n2 (1)']);
});

test('synced resolves with the first full list, however empty', async () => {
  const { store } = recorded();
  expect(store.hasSynced).toBe(false);
  store.replace([]);
  await store.synced();
  expect(store.hasSynced).toBe(true);
});

test('a handler that throws does not keep the others from hearing', () => {
  const errors: unknown[] = [];
  const store = new MemoryStore<Item>((error) => errors.push(error));
  let heard = 0;
  store.onChange(() => {
    throw new Error('a bug');
  });
  store.onChange(() => heard++);
  store.set(item('a'));
  expect([errors.length, heard]).toEqual([1, 1]);
});
