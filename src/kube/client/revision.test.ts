import { expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { followRevision } from './revision.ts';

const object = (name: string, resourceVersion: string) => ({
  metadata: { name, uid: name, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' },
});

test('the newest version of several stores, by number and not by text', () => {
  const [a, b] = [new MemoryStore(), new MemoryStore()];
  a.set(object('old', '9'));
  const revision = followRevision([a, b]);
  expect(revision.newest()).toBe(9n);
  b.set(object('new', '10'));
  expect(revision.newest()).toBe(10n);
  b.set(object('other', '2'));
  expect(revision.newest()).toBe(10n);
  revision.stop();
  a.set(object('later', '11'));
  expect(revision.newest()).toBe(10n);
});
