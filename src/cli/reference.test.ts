import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderCliReference } from './reference.ts';

test('docs/reference/cli.md is what --help says: run scripts/node scripts/cli-reference.ts', async () => {
  const written = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8');
  expect(written).toBe(await renderCliReference());
});
