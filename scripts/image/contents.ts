/**
 * What Tendril's image holds: Node.js and koffi from npm, the bundle, the BPF objects and the CNI shim; from Debian nft, nsenter,
 * a shell and the libraries that these need, with each package's licences. No package manager and nothing else.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TarEntry } from './tar.ts';

/** Where the image has what in a checkout is the project's folder. */
const home = 'opt/tendril';

/** Beside what programs are linked with: loaded by name when Tendril runs. */
const loaded = ['libbpf.so.1'];
const programs = ['/usr/sbin/nft', '/usr/bin/nsenter', '/bin/dash'];

export interface Contents {
  /** From Debian and npm: what seldom changes. */
  base: TarEntry[];
  tendril: TarEntry[];
  /** `NAME VERSION` of each Debian package that files are of. */
  packages: string[];
}

/** @throws Error naming what is not built or not installed */
export function collectContents(root: string): Contents {
  const node = join(root, 'node_modules', `node-linux-${process.arch}`);
  const debian = debianFiles([join(node, 'bin/node'), ...programs, ...loaded.map(libraryPath)]);
  const packages = packagesOf([...debian.values()].map(({ original }) => original));
  return {
    base: [
      ...withDirectoryLinks(debian),
      ...packages.map(({ name }) => fileEntry(`/usr/share/doc/${name}/copyright`)),
      { path: 'usr/bin/sh', type: 'link', target: 'dash' },
      { path: 'var/run', type: 'link', target: '/run' },
      ...['run', 'tmp', 'proc', 'sys', 'dev', 'etc'].map((path) => directory(path)),
      ...npmFiles(root, node),
    ],
    tendril: tendrilFiles(root),
    packages: packages.map(({ name, version }) => `${name} ${version}`),
  };
}

/** Programs and libraries of Debian's with all that they are linked with, where an image has them. */
export function debianEntries(files: readonly string[]): TarEntry[] {
  return withDirectoryLinks(debianFiles(files));
}

function withDirectoryLinks(debian: ReadonlyMap<string, { original: string }>): TarEntry[] {
  return [
    ...[...debian].map(([path, { original }]) => fileEntry(original, path)),
    { path: 'bin', type: 'link', target: 'usr/bin' },
    { path: 'sbin', type: 'link', target: 'usr/sbin' },
    { path: 'lib', type: 'link', target: 'usr/lib' },
    ...(existsSync('/lib64') ? [{ path: 'lib64', type: 'link' as const, target: 'usr/lib64' }] : []),
  ];
}

const directory = (path: string): TarEntry => ({
  path,
  type: 'directory',
  mode: path === 'tmp' ? 0o1777 : 0o755,
});

function fileEntry(original: string, path = original.slice(1)): TarEntry {
  const mode = statSync(original).mode & 0o111 ? 0o755 : 0o644;
  return { path, type: 'file', mode, body: readFileSync(original) };
}

/** The programs outside of node_modules and all libraries, by their path in the image. */
function debianFiles(files: readonly string[]): Map<string, { original: string }> {
  const all = new Map<string, { original: string }>();
  for (const file of files) {
    if (!file.includes('node_modules')) all.set(usrPath(file), { original: realpathSync(file) });
    for (const library of linkedWith(file)) all.set(usrPath(library), { original: realpathSync(library) });
  }
  return all;
}

/** Debian's /bin, /sbin and /lib are links into /usr. */
function usrPath(path: string): string {
  return /^\/(s?bin|lib(64)?)\//.test(path) ? `usr${path}` : path.slice(1);
}

function linkedWith(file: string): string[] {
  const lines = execFileSync('ldd', [file], { encoding: 'utf8' }).split('\n');
  const missing = lines.filter((line) => line.includes('not found'));
  if (missing.length > 0) throw new Error(`${file} lacks${missing.join(',')}`);
  return lines.flatMap((line) => /(?:=> |^\s+)(\/\S+) \(/.exec(line)?.[1] ?? []);
}

function libraryPath(name: string): string {
  const line = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' })
    .split('\n')
    .find((each) => each.trim().startsWith(`${name} `));
  if (line === undefined) throw new Error(`${name} is not installed: make deps`);
  return line.slice(line.indexOf('=> ') + 3);
}

/** Sorted. */
function packagesOf(files: readonly string[]): { name: string; version: string }[] {
  const names = new Set(files.map(packageOf));
  return [...names].sort().map((name) => ({
    name,
    version: execFileSync('dpkg-query', ['-W', name], { encoding: 'utf8' }).split(/\s/)[1]!,
  }));
}

/** By its path as Debian packed it, which may be without /usr. */
function packageOf(file: string): string {
  const { stdout } = spawnSync('dpkg', ['-S', file, file.replace(/^\/usr/, '')], { encoding: 'utf8' });
  if (stdout === '') throw new Error(`${file} is of no Debian package: its licence is not known`);
  return stdout.slice(0, stdout.search(/[:,]/));
}

function npmFiles(root: string, node: string): TarEntry[] {
  const modules = join(root, 'node_modules');
  const koffi = join(modules, 'koffi');
  const binding = join(modules, '@koromix', `koffi-linux-${process.arch}`);
  const files = [
    join(node, 'bin/node'),
    ...licences(node),
    ...['package.json', 'index.js', 'index.cjs', 'indirect.js', 'indirect.cjs', 'LICENSE.txt'].map((file) =>
      join(koffi, file),
    ),
    ...filesBelow(join(koffi, 'src')).filter((file) => /\.(c?js|json)$/.test(file)),
    ...filesBelow(join(koffi, 'lib')).filter((file) => /\.(c?js|json)$/.test(file)),
    ...filesBelow(binding).filter((file) => !file.includes('/musl_')),
  ];
  return files.filter(existsSync).map((file) => fileEntry(file, join(home, file.slice(root.length + 1))));
}

const licences = (directory: string): string[] =>
  readdirSync(directory)
    .filter((file) => /^licen[cs]e/i.test(file))
    .map((file) => join(directory, file));

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const all = readdirSync(directory, { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** What `kubectl exec` runs in a pod: the checkout's own starter looks for a build. */
const starter = `#!/bin/sh
exec /${home}/node_modules/node-linux-${process.arch}/bin/node --disable-warning=ExperimentalWarning /${home}/dist/main.js "$@"
`;

function tendrilFiles(root: string): TarEntry[] {
  const dist = join(root, 'dist');
  const files = [
    ...bundleFiles(dist),
    ...filesBelow(join(dist, 'bpf')).filter((file) => file.endsWith('.bpf.o')),
    join(dist, 'native/cni-shim'),
    join(dist, 'THIRD-PARTY-NOTICES'),
    ...['package.json', 'LICENSE', 'LICENSES.md'].map((file) => join(root, file)),
    ...filesBelow(join(root, 'bpf/LICENSES')),
  ];
  return [
    ...files.map((file) => fileEntry(file, join(home, file.slice(root.length + 1)))),
    { path: 'usr/bin/tendril', type: 'file', mode: 0o755, body: Buffer.from(starter) },
  ];
}

/** Those that the bundle's start leads to: the folder may hold an earlier build's too. */
export function bundleFiles(dist: string): string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file) || !existsSync(file)) return;
    found.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/["'](?:\.\/|\.\.\/)?(?:chunks\/)?([\w.-]+-[A-Z0-9]{8}\.js)["']/g))
      visit(join(dist, 'chunks', basename(name!)));
  };
  const start = join(dist, 'main.js');
  if (!existsSync(start)) throw new Error(`${dirname(start)} has no main.js: make build`);
  visit(start);
  return [...found].sort();
}
