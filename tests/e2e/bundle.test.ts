import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { must, root, run, tendril } from './support/tendril.ts';

const newest = (directory: string, suffix: RegExp) =>
  Math.max(
    ...readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => suffix.test(path) && !/\.(test|cases)\.ts$/.test(path))
      .map((path) => statSync(join(root, directory, path)).mtimeMs),
  );

test('the built program is not older than its sources: run make first', () => {
  expect(existsSync(join(root, 'dist/main.js'))).toBe(true);
  expect(statSync(join(root, 'dist/main.js')).mtimeMs).toBeGreaterThanOrEqual(newest('src', /\.ts$/));
});

test('the program runs from any directory, and through a link', async () => {
  const { code, stdout } = await run('sh', [
    '-c',
    `cd /; ln -sf ${root}/bin/tendril /tmp/tendril-link-$$; /tmp/tendril-link-$$ version; rm /tmp/tendril-link-$$`,
  ]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^tendril \d/)]);
});

test.each([
  'up',
  'down',
  'status',
  'apply',
  'delete',
  'get',
  'logs',
  'exec',
  'forward',
  'kubeconfig',
  'version',
])('%s has help', async (command) => {
  const text = await must(tendril([command, '--help']));
  for (const part of ['Usage:', 'Options:', 'Examples:', '--name']) expect(text).toContain(part);
});
