/**
 * Builds dist/main.js, one ES module from all of src/. Starting it takes a sixth of the time that
 * starting from some 200 source files takes. koffi stays outside: it loads a native addon by its own path. Licences of
 * what is bundled go to dist/THIRD-PARTY-NOTICES.
 */
import { writeFileSync } from 'node:fs';
import { build, type Plugin } from 'esbuild';
import { renderNotices } from './third-party-notices.ts';

/**
 * Importing node:http as an ES module reads every export of it, and one of them loads all of fetch's machinery: 50 ms
 * of every process' start. Taken as a CommonJS module, exports are read when they are used.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:https?$/ }, ({ path }) => ({ path, namespace: 'lazy-http' }));
    onLoad({ filter: /.*/, namespace: 'lazy-http' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
  },
};

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outdir: 'dist',
  entryNames: '[name]',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  external: ['koffi'],
  plugins: [lazyHttp],
  sourcemap: 'linked',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'linked',
  metafile: true,
  logLevel: 'warning',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

writeFileSync('dist/THIRD-PARTY-NOTICES', renderNotices(metafile));
