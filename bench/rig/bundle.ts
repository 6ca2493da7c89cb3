/** A program of a bench, bundled as Tendril itself is. */
import { join } from 'node:path';
import { build } from 'esbuild';

/** @param source a file @return the path of what comes of it, below .cache */
export async function bundled(source: string): Promise<string> {
  const name = source.split('/').at(-1)!.replace(/\.ts$/, '.mjs');
  const outfile = join(import.meta.dirname, '../../.cache/bench', name);
  await build({
    entryPoints: [source],
    ...{ outfile, bundle: true, platform: 'node', target: 'node24', format: 'esm' },
    ...{ external: ['koffi'], logLevel: 'warning' },
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  });
  return outfile;
}
