/** Every end-to-end file has its place: on both clusters, or on a lab alone for a reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileOf, onBoth, onLabAlone } from './e2e/support/where-files-run.ts';

const root = join(import.meta.dirname, '..');

test('every file is in one of the two lists', () => {
  const files = readdirSync(join(root, 'tests/e2e')).filter((name) => name.endsWith('.test.ts'));
  const listed = [...onBoth, ...Object.keys(onLabAlone)].map((name) => fileOf(name));
  expect(listed.sort()).toEqual(files.map((name) => `tests/e2e/${name}`).sort());
});

test('every reason is told', () => {
  for (const [name, reason] of Object.entries(onLabAlone)) expect(reason, name).toMatch(/\w+ \w+/);
});

test.each(onBoth)('%s asks for a cluster of any kind', (name) => {
  const text = readFileSync(join(root, fileOf(name)), 'utf8');
  expect(text).not.toMatch(/^import \{.*\bbringUp\b.*\/lab\.ts';$/m);
});
