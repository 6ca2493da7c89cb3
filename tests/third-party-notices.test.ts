import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { renderNotices } from '../scripts/third-party-notices.ts';

const bundleOf = (...inputs: string[]) => ({
  outputs: { 'dist/main.js': { inputs: Object.fromEntries(inputs.map((i) => [i, { bytesInOutput: 1 }])) } },
});

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function treeOf(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'tendril-notices-'));
  directories.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('the licence of each bundled package and each notice of vendored files, once, and no other', () => {
  const root = treeOf({
    'node_modules/b/package.json': '{"name":"b","version":"1.0.0"}',
    'node_modules/b/LICENSE': 'Copyright B.\n',
    'node_modules/@s/a/package.json': '{"name":"@s/a","version":"2.0.0"}',
    'node_modules/@s/a/LICENCE.md': 'Copyright A.\n',
    'node_modules/unused/LICENSE': 'Copyright nobody.\n',
    'src/vendor/NOTICE': 'Copyright C.\n',
    'src/own.ts': '',
  });
  const bundle = bundleOf(
    'node_modules/b/x.js',
    'node_modules/b/y.js',
    'node_modules/@s/a/x.js',
    'src/vendor/c.ts',
    'src/own.ts',
  );
  expect(renderNotices(bundle, root)).toBe(
    [
      "Tendril's bundle holds parts of other works, under the licences below.\n",
      '@s/a 2.0.0\n----------\n\nCopyright A.\n',
      'b 1.0.0\n-------\n\nCopyright B.\n',
      'src/vendor\n----------\n\nCopyright C.\n',
    ].join('\n'),
  );
});

test('a package without a licence file is refused', () => {
  const root = treeOf({ 'node_modules/b/package.json': '{"name":"b","version":"1.0.0"}' });
  expect(() => renderNotices(bundleOf('node_modules/b/x.js'), root)).toThrow(
    'b is bundled and has no licence',
  );
});

test('what is bundled today has its text', () => {
  const root = new URL('..', import.meta.url).pathname;
  const notices = renderNotices(
    bundleOf('node_modules/yaml/dist/index.js', 'src/lab/apiserver/vendor/openapi-definitions.ts'),
    root,
  );
  expect(notices).toContain(readFileSync(join(root, 'node_modules/yaml/LICENSE'), 'utf8').trim());
  expect(notices).toContain('Copyright The Kubernetes Authors.');
});
