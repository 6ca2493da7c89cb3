/**
 * Puts a set of files into a directory so that a reader sees either all old ones or all new ones, as kubelet's atomic
 * writer does: the files lie in a directory of their own, `..data` links to it and is replaced by one rename, and every
 * top-level name links through `..data`.
 */
import {
  chmod,
  lchown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Payload } from './payload.ts';

const dataLink = '..data';

export interface WriteOptions {
  /** Names the directory of this version; must differ from the last. */
  version: string;
  /** Owner group of the files (fsGroup); they become readable for it. */
  gid?: number;
}

/** Writes the files unless they are there already; true when something changed. The directory must exist. */
export async function writeAtomically(root: string, files: Payload, options: WriteOptions): Promise<boolean> {
  const current = await readlink(join(root, dataLink)).catch(() => undefined);
  if (current !== undefined && (await holds(join(root, current), files))) return false;
  const version = `..${options.version}`;
  await writeFiles(join(root, version), files, options.gid);
  await symlink(version, join(root, '..data_tmp'));
  await rename(join(root, '..data_tmp'), join(root, dataLink));
  await linkNames(root, files);
  if (current !== undefined) await rm(join(root, current), { recursive: true, force: true });
  return true;
}

async function writeFiles(directory: string, files: Payload, gid: number | undefined): Promise<void> {
  await mkdir(directory, { mode: 0o755 });
  for (const [path, { bytes, mode }] of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, bytes);
    await chmod(file, gid === undefined ? mode : mode | 0o440);
    if (gid !== undefined) await lchown(file, 0, gid);
  }
}

function topNames(files: Payload): Set<string> {
  return new Set([...files.keys()].map((path) => path.split('/')[0]!));
}

async function linkNames(root: string, files: Payload): Promise<void> {
  const wanted = topNames(files);
  for (const name of await readdir(root)) {
    if (name.startsWith('..')) continue;
    if (wanted.has(name)) wanted.delete(name);
    else await rm(join(root, name), { force: true });
  }
  for (const name of wanted) await symlink(join(dataLink, name), join(root, name));
}

async function holds(directory: string, files: Payload): Promise<boolean> {
  const present = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (present.filter((entry) => !entry.isDirectory()).length !== files.size) return false;
  for (const [path, { bytes }] of files) {
    const old = await readFile(join(directory, path)).catch(() => undefined);
    if (old === undefined || !old.equals(bytes)) return false;
  }
  return true;
}
