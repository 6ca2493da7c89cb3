/**
 * Files of Debian packages: those that this machine has installed, or those of another architecture, downloaded by an
 * apt whose state is a directory of its own and unpacked there, never installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { readElf } from './elf.ts';

/** As Node.js names them. */
export type Architecture = 'x64' | 'arm64';

/** Debian's names and paths of an architecture. */
export const debianNames = {
  x64: { name: 'amd64', triplet: 'x86_64-linux-gnu', loader: '/lib64/ld-linux-x86-64.so.2' },
  arm64: { name: 'arm64', triplet: 'aarch64-linux-gnu', loader: '/lib/ld-linux-aarch64.so.1' },
} as const;

export interface DebianPackage {
  name: string;
  version: string;
}

export interface DebianSystem {
  architecture: Architecture;
  /** Where its root directory is on this machine. */
  root: string;
  /** @throws Error for a file that is of none */
  packageOf(file: string): DebianPackage;
}

/** Debian's /bin, /sbin and /lib are links into /usr; older packages have files under the former. */
export function usrPath(path: string): string {
  return /^\/(s?bin|lib(64)?)\//.test(path) ? `usr${path}` : path.slice(1);
}

/** This machine. */
export const ownSystem: DebianSystem = {
  architecture: process.arch as Architecture,
  root: '/',
  packageOf(file) {
    const { stdout } = spawnSync('dpkg', ['-S', file, file.replace(/^\/usr/, '')], { encoding: 'utf8' });
    if (stdout === '') throw new Error(`${file} is of no Debian package: its licence is not known`);
    const name = stdout.slice(0, stdout.search(/[:,]/));
    return { name, version: execFileSync('dpkg-query', ['-W', name], { encoding: 'utf8' }).split(/\s/)[1]! };
  },
};

/**
 * Libraries that programs and libraries are linked with, and the loader: paths in the system, without repetition.
 * @throws Error naming one that is missing
 */
export function linkedWith({ architecture, root }: DebianSystem, files: readonly string[]): string[] {
  const { triplet, loader } = debianNames[architecture];
  const found = new Set<string>([loader]);
  const visit = (file: string): void => {
    for (const name of readElf(readFileSync(file))?.needed ?? []) {
      if (name === basename(loader)) continue;
      const library = ['/lib', '/usr/lib']
        .map((directory) => join(directory, triplet, name))
        .find((path) => existsSync(join(root, path)));
      if (library === undefined) throw new Error(`${file} needs ${name}, which is not in ${root}`);
      if (found.has(library)) continue;
      found.add(library);
      visit(join(root, library));
    }
  };
  for (const file of files) visit(file);
  return [...found];
}

/** Unpacks the newest packages of that name and all that they depend on, once: into `directory`. */
export function unpackedSystem(
  architecture: Architecture,
  packages: readonly string[],
  directory: string,
): DebianSystem {
  const root = join(directory, 'root');
  const indexPath = join(directory, 'index.json');
  const wanted = packages.join(' ');
  if (!existsSync(indexPath) || readIndex(indexPath).wanted !== wanted) {
    rmSync(directory, { recursive: true, force: true });
    const archives = download(architecture, packages, directory);
    const files = unpack(archives, root);
    writeFileSync(`${indexPath}.new`, JSON.stringify({ wanted, files } satisfies Index));
    renameSync(`${indexPath}.new`, indexPath);
  }
  const { files } = readIndex(indexPath);
  return {
    architecture,
    root,
    packageOf(file) {
      const owner = files[usrPath(realpathSync(file).slice(root.length))];
      if (owner === undefined) throw new Error(`${file} is of no Debian package: its licence is not known`);
      return owner;
    },
  };
}

interface Index {
  wanted: string;
  /** By path in the image. */
  files: Record<string, DebianPackage>;
}

const readIndex = (path: string): Index => JSON.parse(readFileSync(path, 'utf8'));

/** Paths of the archives, sorted. apt reads this machine's sources, and writes nothing of this machine's. */
function download(architecture: Architecture, packages: readonly string[], directory: string): string[] {
  const { name } = debianNames[architecture];
  const cache = join(directory, 'cache');
  const state = join(directory, 'state');
  for (const each of [join(cache, 'archives/partial'), join(state, 'lists/partial')])
    mkdirSync(each, { recursive: true });
  const status = join(state, 'status');
  writeFileSync(status, '');
  const options = {
    'APT::Architecture': name,
    'APT::Architectures': name,
    'APT::Sandbox::User': 'root',
    'Dir::State': state,
    'Dir::State::status': status,
    'Dir::Cache': cache,
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const apt = (...words: string[]) =>
    execFileSync('apt-get', ['-qq', ...flags, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  apt('update');
  apt('install', '--yes', '--download-only', '--no-install-recommends', ...packages);
  const archives = readdirSync(join(cache, 'archives')).filter((file) => file.endsWith('.deb'));
  return archives.sort().map((file) => join(cache, 'archives', file));
}

function unpack(archives: readonly string[], root: string): Index['files'] {
  mkdirSync(join(root, 'usr'), { recursive: true });
  for (const path of ['bin', 'sbin', 'lib']) {
    mkdirSync(join(root, 'usr', path));
    symlinkSync(`usr/${path}`, join(root, path));
  }
  const files: Index['files'] = {};
  for (const archive of archives) {
    const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '--keep-directory-symlink', '-C', root], { input: tar });
    const field = (name: string) =>
      execFileSync('dpkg-deb', ['--field', archive, name], { encoding: 'utf8' }).trim();
    const owner = { name: field('Package'), version: field('Version') };
    const paths = execFileSync('tar', ['-t'], { input: tar, encoding: 'utf8', maxBuffer: 2 ** 28 }).split(
      '\n',
    );
    for (const path of paths.filter((each) => !each.endsWith('/'))) files[usrPath(path.slice(1))] = owner;
  }
  return files;
}
