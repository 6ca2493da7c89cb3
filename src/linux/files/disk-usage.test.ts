import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diskUsage } from './disk-usage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tendril-usage-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const Ki = 1024;

test('files count by what they take, once each, and links for nothing', async () => {
  const empty = await diskUsage(root);
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/b/file'), Buffer.alloc(256 * Ki, 1));
  await link(join(root, 'a/b/file'), join(root, 'again'));
  await symlink('/usr', join(root, 'elsewhere'));
  await symlink('.', join(root, 'a/loop'));
  await writeFile(join(root, 'hole'), '');
  await truncate(join(root, 'hole'), 2 ** 30);
  const more = (await diskUsage(root)) - empty;
  expect(more).toBeGreaterThanOrEqual(256 * Ki);
  // Directories may take a block each.
  expect(more).toBeLessThan(256 * Ki + 32 * Ki);
});

test('a file alone, and what is not there', async () => {
  await writeFile(join(root, 'file'), Buffer.alloc(64 * Ki, 1));
  expect(await diskUsage(join(root, 'file'))).toBe(64 * Ki);
  expect(await diskUsage(join(root, 'nonesuch'))).toBe(0);
});
