/**
 * Tests as files that a slow machine starts in a second: each with all it imports but the runner, which is vitest's own
 * without what serves and transforms modules (run.ts).
 */
import { readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const bundled = 'dist/kernel-tests';

/** Where a module is, it keeps saying of itself after it is bundled. */
const ownDirectory: Plugin = {
  name: 'own-directory',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
      loader: 'ts',
    }));
  },
};

/** The bundled files, from the project's root as the tests are. */
export async function bundleTests(tests: readonly string[]): Promise<string[]> {
  rmSync(bundled, { recursive: true, force: true });
  await build({
    entryPoints: ['tests/kernels/run.ts', ...tests].map((path) => ({ in: path, out: basename(path, '.ts') })),
    ...{ outdir: bundled, bundle: true, splitting: true, platform: 'node', target: 'node24', format: 'esm' },
    external: ['koffi', 'esbuild'],
    plugins: [ownDirectory],
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  return tests.map((path) => join(bundled, `${basename(path, '.ts')}.js`));
}
