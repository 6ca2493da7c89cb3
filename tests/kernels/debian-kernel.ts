/** Kernels as Debian's packages have them, below .cache/kernels: fetched once; remove that directory to get newer ones. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

const cache = resolve(import.meta.dirname, '../../.cache/kernels');
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** By far the largest modules, which no test needs. */
const unneeded = ['sound', 'drivers/gpu', 'drivers/media', 'drivers/net/ethernet', 'drivers/net/wireless'];

export interface Kernel {
  /** As `uname -r` says. */
  release: string;
  /** An ELF file, which QEMU starts by PVH: unpacking what Debian ships takes long where the processor is emulated. */
  image: string;
  /** What is /lib/modules/RELEASE there. */
  modules: string;
}

/** The kernel of a release of Debian. @throws where apt cannot get it */
export function debianKernel(suite: string): Kernel {
  const directory = join(cache, suite);
  if (!existsSync(directory)) fetch(suite, directory);
  const release = readdirSync(join(directory, 'lib/modules'))[0]!;
  return {
    release,
    image: join(directory, 'vmlinux'),
    modules: join(directory, 'lib/modules', release),
  };
}

function fetch(suite: string, directory: string): void {
  const fresh = `${directory}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const archive = download(suite, fresh);
  const excluded = unneeded.map((part) => `--exclude=*/kernel/${part}`).join(' ');
  run('sh', ['-c', `dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" ${excluded} ./boot ./lib`, archive, fresh]);
  const release = readdirSync(join(fresh, 'lib/modules'))[0]!;
  const compressed = readFileSync(join(fresh, `boot/vmlinuz-${release}`));
  writeFileSync(join(fresh, 'vmlinux'), kernelOf(compressed));
  run('depmod', ['-b', fresh, release]);
  rmSync(archive);
  renameSync(fresh, directory);
}

/** Downloads the newest kernel's package by an apt of its own, since the suite need not be among the machine's. */
function download(suite: string, directory: string): string {
  const sources = join(directory, 'sources.list');
  const options = [
    ...['-o', `Dir::Etc::sourcelist=${sources}`, '-o', 'Dir::Etc::sourceparts=-'],
    ...['-o', `Dir::State=${directory}/apt`, '-o', `Dir::Cache=${directory}/apt`],
    ...['-o', 'APT::Sandbox::User=root'],
  ];
  writeFileSync(sources, `deb [signed-by=${keyring}] ${archiveAddress()} ${suite} main\n`);
  mkdirSync(join(directory, 'apt/lists/partial'), { recursive: true });
  mkdirSync(join(directory, 'apt/archives/partial'), { recursive: true });
  run('apt-get', [...options, '-qq', 'update']);
  const depends = run('apt-cache', [...options, 'depends', 'linux-image-amd64']);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`${suite} has no linux-image-amd64`);
  run('apt-get', [...options, '-qq', 'download', name], directory);
  return join(directory, readdirSync(directory).find((file) => file.endsWith('.deb'))!);
}

/** Where this machine gets Debian from. */
function archiveAddress(): string {
  const all = run('apt-get', [
    ...['indextargets', '--format', '$(REPO_URI)'],
    ...['Created-By: Packages', 'Origin: Debian', 'Label: Debian'],
  ]);
  const address = all.split('\n')[0]!;
  if (address === '') throw new Error('apt here knows no archive of Debian (see sources.list(5))');
  return address;
}

/** The ELF file in a bzImage (the kernel's Documentation/arch/x86/boot.rst): its payload, less four bytes of length. */
function kernelOf(image: Buffer): Buffer {
  const realModeSectors = image[0x1f1]! + 1;
  const start = realModeSectors * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c) - 4);
  const isZstd = payload.readUInt32LE(0) === 0xfd2fb528;
  return isZstd ? zstdDecompressSync(payload) : unxz(payload);
}

export function unxz(bytes: Uint8Array): Buffer {
  return execFileSync('xz', ['-dc'], { input: bytes, maxBuffer: 2 ** 28 });
}

/** A program's output. @throws Error with what it said, where it fails */
export function run(program: string, argv: string[], cwd?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
