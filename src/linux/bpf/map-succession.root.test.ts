/** What a load makes of pinned maps that it cannot take over as they are. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kernelBpf } from './kernel-bpf.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tendril-maps-'));
  execFileSync('mount', ['-t', 'bpf', 'bpf', root]);
});

afterEach(() => {
  execFileSync('umount', ['-l', root]);
  rmSync(root, { recursive: true });
});

const load = (mapSizes: Record<string, number>) =>
  kernelBpf.load({
    path: join(import.meta.dirname, '../../../dist/bpf/pod.bpf.o'),
    pinDirectory: join(root, 'node'),
    mapSizes: { drop_events: 4096, ...mapSizes },
  });
const key = Uint8Array.of(1, 0, 0, 0);

test.each(['endpoints', 'conntrack', 'peers'])('%s of another size keeps its entries', (name) => {
  using before = load({ [name]: 64 });
  const map = before.map(name);
  const entry = [new Uint8Array(map.keySize).fill(3), new Uint8Array(map.valueSize).fill(7)] as const;
  map.update(...entry);
  using after = load({ [name]: 128 });
  expect([...after.map(name).entries()]).toEqual([entry]);
  expect(existsSync(join(root, 'node', `${name}-before`))).toBe(false);
});

test('a smaller ring of events begins anew', () => {
  using _before = load({ drop_events: 8192 });
  using after = load({ drop_events: 4096 });
  expect(after.map('drop_events').maxEntries).toBe(4096);
});

test('layouts of another version are given up, all of them', () => {
  using before = load({ layout: 7 });
  before.map('endpoints').update(key, new Uint8Array(before.map('endpoints').valueSize).fill(1));
  using same = load({ layout: 7 });
  expect([...same.map('endpoints').entries()]).toHaveLength(1);
  using after = load({ layout: 8 });
  expect([...after.map('endpoints').entries()]).toEqual([]);
});
