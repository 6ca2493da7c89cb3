/**
 * What Tendril's image holds: Node.js and koffi from npm, the bundle, the BPF objects and the CNI shim; from Debian nft, nsenter,
 * a shell and the libraries that these need, with each package's licences. No package manager and nothing else.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  type Architecture,
  type DebianPackage,
  type DebianSystem,
  debianNames,
  linkedWith,
  ownSystem,
  unpackedSystem,
  usrPath,
} from './debian.ts';
import { unpackNpm } from './npm.ts';
import type { TarEntry } from './tar.ts';

/** Where the image has what in a checkout is the project's folder. */
const home = 'opt/tendril';

/** Beside what programs are linked with: loaded by name when Tendril runs. */
const loaded = ['libbpf.so.1'];
const programs = ['/usr/sbin/nft', '/usr/bin/nsenter', '/bin/dash'];
/** What these, and Node.js' libraries, are of. */
const debianPackages = ['dash', 'libbpf1', 'libstdc++6', 'nftables', 'util-linux'];

export interface Contents {
  /** From Debian and npm: what seldom changes. */
  base: TarEntry[];
  tendril: TarEntry[];
  /** `NAME VERSION` of each Debian package that files are of. */
  packages: string[];
}

/** Where what an architecture has of its own is on this machine. */
interface Places {
  system: DebianSystem;
  /** Where its packages of npm are, as in node_modules. */
  modules: string;
  /** The folder of the programs that were compiled for it. */
  native: string;
}

const nodePackage = (architecture: Architecture): string => `node-linux-${architecture}`;
const koffiPackage = (architecture: Architecture): string => `@koromix/koffi-linux-${architecture}`;

/** Another architecture's are downloaded into dist/ARCHITECTURE, where the Makefile compiles its programs too. */
function placesOf(root: string, architecture: Architecture): Places {
  if (architecture === process.arch)
    return { system: ownSystem, modules: join(root, 'node_modules'), native: join(root, 'dist/native') };
  const own = join(root, 'dist', architecture);
  const modules = join(own, 'node_modules');
  for (const name of [nodePackage(architecture), koffiPackage(architecture)]) unpackNpm(root, name, modules);
  return {
    system: unpackedSystem(architecture, debianPackages, join(own, 'debian')),
    ...{ modules, native: join(own, 'native') },
  };
}

/** @throws Error naming what is not built, not installed or not to be had */
export function collectContents(root: string, architecture: Architecture): Contents {
  const places = placesOf(root, architecture);
  const { system, modules } = places;
  const node = join(modules, nodePackage(architecture));
  const debian = debianFiles(system, join(node, 'bin/node'));
  const packages = packagesOf(system, [...debian.values()]);
  return {
    base: [
      ...withDirectoryLinks(system.architecture, debian),
      ...packages.map(({ name }) => {
        const path = `usr/share/doc/${name}/copyright`;
        return fileEntry(join(system.root, path), path);
      }),
      { path: 'usr/bin/sh', type: 'link', target: 'dash' },
      { path: 'var/run', type: 'link', target: '/run' },
      ...['run', 'tmp', 'proc', 'sys', 'dev', 'etc'].map((path) => directory(path)),
      ...npmFiles(root, architecture, places),
    ],
    tendril: tendrilFiles(root, architecture, places),
    packages: packages.map(({ name, version }) => `${name} ${version}`),
  };
}

/** Programs and libraries of this machine's Debian with all that they are linked with, where an image has them. */
export function debianEntries(files: readonly string[]): TarEntry[] {
  return withDirectoryLinks(
    ownSystem.architecture,
    imagePaths(ownSystem, files, linkedWith(ownSystem, files)),
  );
}

/** Files of Debian's by their path in the image, and the directories' other names. */
function withDirectoryLinks(architecture: Architecture, debian: ReadonlyMap<string, string>): TarEntry[] {
  return [
    ...[...debian].map(([path, file]) => fileEntry(file, path)),
    { path: 'bin', type: 'link', target: 'usr/bin' },
    { path: 'sbin', type: 'link', target: 'usr/sbin' },
    { path: 'lib', type: 'link', target: 'usr/lib' },
    ...(debianNames[architecture].loader.startsWith('/lib64/')
      ? [{ path: 'lib64', type: 'link' as const, target: 'usr/lib64' }]
      : []),
  ];
}

function imagePaths(system: DebianSystem, ...files: readonly (readonly string[])[]): Map<string, string> {
  return new Map(files.flat().map((path) => [usrPath(path), realpathSync(join(system.root, path))]));
}

const directory = (path: string): TarEntry => ({
  path,
  type: 'directory',
  mode: path === 'tmp' ? 0o1777 : 0o755,
});

function fileEntry(original: string, path: string): TarEntry {
  const mode = statSync(original).mode & 0o111 ? 0o755 : 0o644;
  return { path, type: 'file', mode, body: readFileSync(original) };
}

/** The programs beside Node.js and all libraries, by their path in the image. */
function debianFiles(system: DebianSystem, node: string): Map<string, string> {
  const { triplet } = debianNames[system.architecture];
  const own = [...programs, ...loaded.map((name) => `/usr/lib/${triplet}/${name}`)];
  const missing = own.find((path) => !existsSync(join(system.root, path)));
  if (missing !== undefined) throw new Error(`${missing} is not installed: make deps`);
  const linked = linkedWith(system, [node, ...own.map((path) => join(system.root, path))]);
  return imagePaths(system, own, linked);
}

/** Sorted, each once. */
function packagesOf(system: DebianSystem, files: readonly string[]): DebianPackage[] {
  const found = new Map(files.map((file) => [system.packageOf(file).name, system.packageOf(file)]));
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function npmFiles(root: string, architecture: Architecture, { modules }: Places): TarEntry[] {
  const node = join(modules, nodePackage(architecture));
  const koffi = join(root, 'node_modules/koffi');
  const binding = join(modules, koffiPackage(architecture));
  const ofKoffi = [
    ...['package.json', 'index.js', 'index.cjs', 'indirect.js', 'indirect.cjs', 'LICENSE.txt'].map((file) =>
      join(koffi, file),
    ),
    ...filesBelow(join(koffi, 'src')).filter((file) => /\.(c?js|json)$/.test(file)),
    ...filesBelow(join(koffi, 'lib')).filter((file) => /\.(c?js|json)$/.test(file)),
  ];
  const ofModules = [
    join(node, 'bin/node'),
    ...licences(node),
    ...filesBelow(binding).filter((file) => !file.includes('/musl_')),
  ];
  const inImage = (file: string, below: string) =>
    fileEntry(file, join(home, 'node_modules', file.slice(below.length + 1)));
  return [
    ...ofKoffi.filter(existsSync).map((file) => inImage(file, join(root, 'node_modules'))),
    ...ofModules.filter(existsSync).map((file) => inImage(file, modules)),
  ];
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
const starter = (architecture: Architecture): string => `#!/bin/sh
exec /${home}/node_modules/${nodePackage(architecture)}/bin/node --disable-warning=ExperimentalWarning /${home}/dist/main.js "$@"
`;

function tendrilFiles(root: string, architecture: Architecture, { native }: Places): TarEntry[] {
  const dist = join(root, 'dist');
  const files = [
    ...bundleFiles(dist),
    ...filesBelow(join(dist, 'bpf')).filter((file) => file.endsWith('.bpf.o')),
    join(dist, 'THIRD-PARTY-NOTICES'),
    ...['package.json', 'LICENSE', 'LICENSES.md'].map((file) => join(root, file)),
    ...filesBelow(join(root, 'bpf/LICENSES')),
  ];
  return [
    ...files.map((file) => fileEntry(file, join(home, file.slice(root.length + 1)))),
    fileEntry(join(native, 'cni-shim'), join(home, 'dist/native/cni-shim')),
    { path: 'usr/bin/tendril', type: 'file', mode: 0o755, body: Buffer.from(starter(architecture)) },
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
