import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bindMount, ensureBpffs, mountTmpfs, unmount, unmountBelow } from './mount.ts';
import { mountsBelow } from './mount-table.ts';

const bpffsMagic = 0xcafe4a11;
let directory: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'tendril-mount-')));
});

afterEach(() => {
  unmountBelow(directory);
  rmSync(directory, { recursive: true });
});

test('a bpffs is made once, and frees what is in it', () => {
  const at = join(directory, 'bpf');
  ensureBpffs(at);
  mkdirSync(join(at, 'pins'));
  ensureBpffs(at);
  expect(statfsSync(at).type).toBe(bpffsMagic);
  expect(mountsBelow(at)).toHaveLength(1);
  expect(existsSync(join(at, 'pins'))).toBe(true);
  expect(unmount(at)).toBe(true);
  expect(unmount(at)).toBe(false);
  ensureBpffs(at);
  expect(existsSync(join(at, 'pins'))).toBe(false);
});

test('a bind mount shows another place, and can be read-only', () => {
  const [source, target] = ['source', 'target'].map((name) => join(directory, name)) as [string, string];
  mkdirSync(source);
  mkdirSync(target);
  bindMount(source, target, { readOnly: true });
  writeFileSync(join(source, 'file'), '');
  expect(existsSync(join(target, 'file'))).toBe(true);
  expect(() => writeFileSync(join(target, 'file'), '')).toThrow(/EROFS/);
});

test('all below a path is unmounted, also what is mounted in and over each other', () => {
  mountTmpfs(directory, { size: '1m' });
  mountTmpfs(join(directory, 'a'));
  mountTmpfs(join(directory, 'a', 'b'));
  mountTmpfs(join(directory, 'a'));
  expect(unmountBelow(directory)).toBe(4);
  expect(unmountBelow(directory)).toBe(0);
});

test('errors name what was mounted where', () => {
  expect(() => bindMount('/nowhere', directory)).toThrow(`bind mount ${directory}: ENOENT (not found)`);
});
