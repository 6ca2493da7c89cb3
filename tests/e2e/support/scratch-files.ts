/** Files of a test's own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory with these files, removed at the end. */
export function scratchFiles(files: Record<string, string>): Disposable & { path: (name: string) => string } {
  const directory = mkdtempSync(join(tmpdir(), 'tendril-e2e-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return {
    path: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
