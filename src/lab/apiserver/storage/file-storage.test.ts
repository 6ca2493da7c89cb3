import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../kube/meta.ts';
import { FileStorage, type FileStorageOptions } from './file-storage.ts';

let directory: string;
let storage: FileStorage | undefined;
const cluster = { nodes: ['node-1'] };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-state-'));
});

afterEach(() => {
  storage?.close();
  storage = undefined;
  rmSync(directory, { recursive: true });
});

function open(more: Partial<FileStorageOptions> = {}): FileStorage {
  storage?.close();
  storage = undefined;
  storage = new FileStorage({ directory, cluster, ...more });
  return storage;
}

const log = () => join(directory, 'objects.log');
const objectOf = (name: string, data = '') =>
  ({ kind: 'ConfigMap', metadata: { name, namespace: 'n' }, data }) as unknown as KubeObject;

test('what was stored is there again, at its revision, and what was removed is not', () => {
  const first = open();
  first.put('/configmaps', 'n/a', objectOf('a'));
  first.put('/configmaps', 'n/b', objectOf('b'));
  first.put('/configmaps', 'n/a', objectOf('a', 'ä\n'));
  first.remove('/configmaps', 'n/b');
  const second = open();
  expect(second.revision).toBe(4);
  expect(second.list('/configmaps')).toEqual([
    { ...objectOf('a', 'ä\n'), metadata: { name: 'a', namespace: 'n', resourceVersion: '3' } },
  ]);
  expect(second.put('/configmaps', 'n/c', objectOf('c')).metadata.resourceVersion).toBe('5');
});

/** What a watch from a revision on is told at once, and of what comes then. */
function told(again: FileStorage, after: number): string[] {
  const seen: string[] = [];
  again.watch('/configmaps', after, ({ type, revision, object: { metadata } }) =>
    seen.push(`${revision} ${type} ${metadata.name}@${metadata.resourceVersion}`),
  );
  again.put('/configmaps', 'n/new', objectOf('new'));
  return seen;
}

test('a watch from before goes on', () => {
  const first = open();
  first.put('/configmaps', 'n/a', objectOf('a'));
  first.put('/configmaps', 'n/b', objectOf('b'));
  first.put('/configmaps', 'n/a', objectOf('a', 'new'));
  first.remove('/configmaps', 'n/b');
  expect(told(open(), 1)).toEqual(['2 ADDED b@2', '3 MODIFIED a@3', '4 DELETED b@4', '5 ADDED new@5']);
});

test('a watch from before the log was written anew, or was remembered, has expired', () => {
  const first = open({ rewriteBytes: 1 });
  for (let i = 0; i < 9; i++) first.put('/configmaps', 'n/a', objectOf('a', `${i}`));
  const lines = readFileSync(log(), 'utf8').trim().split('\n');
  const rewritten = lines.findLast((line) => line.includes('"collection":""'))!;
  const { revision } = JSON.parse(rewritten);
  expect(() => told(open(), revision - 1)).toThrow('too old resource version');
  expect(told(open(), revision).length).toBe(9 - revision + 1);
  const short = open({ logLength: 1 });
  for (let i = 0; i < 4; i++) short.put('/configmaps', 'n/a', objectOf('a', `${i}`));
  expect(() => told(open({ logLength: 1 }), 9)).toThrow('too old resource version');
});

test('the log is written anew when most of it is history', () => {
  const small = open({ rewriteBytes: 4096 });
  for (let i = 0; i < 500; i++) small.put('/configmaps', 'n/a', objectOf('a', `${i}`));
  small.put('/configmaps', 'n/b', objectOf('b'));
  small.remove('/configmaps', 'n/b');
  expect(statSync(log()).size).toBeLessThan(8192);
  expect(existsSync(`${log()}.new`)).toBe(false);
  const again = open();
  expect(again.revision).toBe(502);
  expect(again.get('/configmaps', 'n/a')).toMatchObject({ data: '499' });
});

test('a line that a crash cut is nothing, and the next one is whole', () => {
  open().put('/configmaps', 'n/a', objectOf('a'));
  storage!.close();
  storage = undefined;
  appendFileSync(log(), '{"revision":2,"collection":"/confi');
  expect(open().revision).toBe(1);
  storage!.put('/configmaps', 'n/b', objectOf('b'));
  expect(open().list('/configmaps')).toHaveLength(2);
});

test.each([
  [
    'of another cluster',
    () => open({ cluster: { nodes: [] } }),
    'was made for another cluster: {"nodes":["node-1"]}',
  ],
  [
    'damaged',
    () => {
      appendFileSync(log(), 'nonsense\n');
      open();
    },
    'is damaged: line 3 is no change of an object',
  ],
  [
    'of something else',
    () => {
      writeFileSync(log(), 'a shopping list\n');
      open();
    },
    'is no state of a lab',
  ],
])('a directory %s is refused and left as it is', (_, act, message) => {
  open().put('/configmaps', 'n/a', objectOf('a'));
  storage!.close();
  storage = undefined;
  expect(act).toThrow(message);
  const after = readFileSync(log(), 'utf8');
  expect(act).toThrow();
  expect(after.length).toBeGreaterThan(0);
  expect(existsSync(join(directory, 'lock'))).toBe(false);
});

test('one process at a time', () => {
  open();
  expect(() => new FileStorage({ directory, cluster })).toThrow('is in use by another lab');
  // Of one that is gone, and whose number another process has by now.
  writeFileSync(join(directory, 'lock'), `${process.pid} 1\n`);
  open();
});

test.each([20, 400, 3000])(
  'what anybody was told is kept by a process that is killed, here after %i changes',
  async (changes) => {
    const script = join(import.meta.dirname, 'test-writer.ts');
    const child = spawn(process.execPath, [script, directory, '20000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      if (told.split('\n').length > changes) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const lines = told.split('\n').slice(0, -1);
    const kept = new Map<string, number>();
    for (const line of lines) {
      const { type, revision, name } = JSON.parse(line);
      if (type === 'DELETED') kept.delete(name);
      else kept.set(name, revision);
    }
    const found = new FileStorage({ directory, cluster: {} });
    storage = found;
    // One more may have been written than told.
    expect([lines.length, lines.length + 1]).toContain(found.revision);
    const ahead = found.revision - lines.length;
    const there = new Map(
      found.list('/configmaps').map(({ metadata }) => [metadata.name, Number(metadata.resourceVersion)]),
    );
    const differing = [...new Set([...kept.keys(), ...there.keys()])].filter(
      (name) => kept.get(name) !== there.get(name),
    );
    expect(differing.length).toBeLessThanOrEqual(ahead);
  },
);

test('a change that cannot be kept has not been made', () => {
  const first = open();
  first.put('/configmaps', 'n/a', objectOf('a'));
  const seen: string[] = [];
  first.watch('/configmaps', 1, ({ object }) => seen.push(object.metadata.name));
  const cyclic = objectOf('b') as KubeObject & { self?: unknown };
  cyclic.self = 1n;
  expect(() => first.put('/configmaps', 'n/b', cyclic)).toThrow();
  expect([first.revision, first.list('/configmaps').length, seen]).toEqual([1, 1, []]);
});

test('a directory in which a crash left nothing but a part of the first line begins anew', () => {
  writeFileSync(log(), '{"format":"tendr');
  expect(open().revision).toBe(0);
  storage!.put('/configmaps', 'n/a', objectOf('a'));
  expect(open().list('/configmaps')).toHaveLength(1);
});
