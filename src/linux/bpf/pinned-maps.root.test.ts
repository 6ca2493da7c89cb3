import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../util/clock.ts';
import { kernelBpf } from './kernel-bpf.ts';
import { pinnedMapIds, untilMapsFreed } from './pinned-maps.ts';

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tendril-bpf-'));
  execFileSync('mount', ['-t', 'bpf', 'bpf', root]);
});

afterAll(() => {
  execFileSync('umount', ['-l', root]);
  rmSync(root, { recursive: true });
});

test('maps exist while they are pinned or used, and are waited for', async () => {
  const pins = join(root, 'pins');
  const object = kernelBpf.load({
    path: join(import.meta.dirname, '../../../dist/bpf/sock.bpf.o'),
    pinDirectory: pins,
  });
  const ids = pinnedMapIds(root);
  expect(ids.length).toBeGreaterThan(0);
  expect(await untilMapsFreed(ids, { timeoutMs: 20, clock: systemClock })).toEqual(ids);
  kernelBpf.clear(pins);
  expect(pinnedMapIds(root)).toEqual([]);
  expect(await untilMapsFreed(ids, { timeoutMs: 20, clock: systemClock })).not.toEqual([]);
  object.close();
  expect(await untilMapsFreed(ids, { timeoutMs: 20_000, clock: systemClock })).toEqual([]);
});

test('a directory that is not there has none', () => {
  expect(pinnedMapIds(join(root, 'none'))).toEqual([]);
});
