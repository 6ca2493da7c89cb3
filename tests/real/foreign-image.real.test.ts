/**
 * The image for nodes of the other architecture, made on this one: all programs in it are for that, and whole. Of make test-real: what is
 * downloaded for it takes minutes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { debianNames } from '../../scripts/image/debian.ts';
import { bpfMachine, machines, readElf } from '../../scripts/image/elf.ts';

const root = join(import.meta.dirname, '../..');
const foreign = process.arch === 'x64' ? 'arm64' : 'x64';
const { name } = debianNames[foreign];
const archive = join(root, 'dist', `tendril-${packageJson.version}-${name}.tar`);
const directory = mkdtempSync(join(tmpdir(), 'tendril-image-'));
const unpacked = join(directory, 'root');
/** Packages are downloaded, 120 MiB compressed. */
const slow = 600_000;

let obstacle: string | undefined;

function make(): Buffer {
  const { status, stderr } = spawnSync('make', ['image', `ARCH=${foreign}`], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return readFileSync(archive);
}

beforeAll(() => {
  try {
    make();
  } catch (error) {
    const { message } = error as Error;
    obstacle = /Failed to fetch|Could not resolve|Unable to (fetch|locate)|ENOTFOUND|EAI_AGAIN|ECONN/.exec(
      message,
    )?.[0];
    if (obstacle === undefined) throw error;
    process.stdout.write(
      `skipped: the image for ${foreign} needs packages that cannot be had here: ${obstacle}\n`,
    );
    return;
  }
  mkdirSync(unpacked);
  execFileSync('tar', ['-xf', archive, '-C', directory]);
  const { layers } = JSON.parse(readFileSync(blob(index().manifests[0].digest), 'utf8'));
  for (const { digest } of layers) execFileSync('tar', ['-xzf', blob(digest), '-C', unpacked]);
}, slow);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const blob = (digest: string) => join(directory, 'blobs', digest.replace(':', '/'));
const index = () => JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));

function elves() {
  const files = readdirSync(unpacked, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return paths.flatMap((path) => {
    const elf = readElf(readFileSync(path));
    return elf === undefined ? [] : [{ path: path.slice(unpacked.length), elf }];
  });
}

test('every program and library is for its machine, and the BPF objects for the kernel’s', ({ skip }) => {
  skip(obstacle !== undefined, obstacle);
  const found = elves();
  for (const { path, elf } of found)
    expect(elf.machine, path).toBe(path.endsWith('.bpf.o') ? bpfMachine : machines[foreign]);
  const names = found.map(({ path }) => basename(path));
  for (const program of [
    'node',
    'nft',
    'nsenter',
    'dash',
    'cni-shim',
    'koffi.node',
    'libbpf.so.1',
    'pod.bpf.o',
  ])
    expect(names).toContain(program);
  expect(index().manifests[0].platform).toEqual({ architecture: name, os: 'linux' });
});

test('all that they are linked with is there', ({ skip }) => {
  skip(obstacle !== undefined, obstacle);
  const { triplet, loader } = debianNames[foreign];
  for (const { path, elf } of elves()) {
    expect(elf.interpreter ?? loader, path).toBe(loader);
    for (const library of elf.needed.filter((each) => each !== basename(loader)))
      expect(existsSync(join(unpacked, 'usr/lib', triplet, library)), `${path}: ${library}`).toBe(true);
  }
  expect(existsSync(join(unpacked, loader))).toBe(true);
});

test(
  'it has the same bytes when it is made again, and is no larger than 90 MiB',
  ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const bytes = readFileSync(archive);
    expect(make().equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan(90 * 2 ** 20);
  },
  slow,
);

test(
  'its programs run, emulated',
  ({ skip }) => {
    skip(obstacle !== undefined, obstacle);
    const machine = foreign === 'arm64' ? 'aarch64' : 'x86_64';
    const emulator = `/usr/bin/qemu-${machine}-static`;
    skip(!existsSync(emulator), `${emulator} is not there: Debian's package qemu-user-static`);
    copyFileSync(emulator, join(unpacked, 'emulator'));
    const run = (...words: string[]) =>
      execFileSync('chroot', [unpacked, '/emulator', ...words], { encoding: 'utf8' });
    // nft itself asks for a netlink socket that the emulator does not have: its loader finds all that it needs.
    expect(run(debianNames[foreign].loader, '--list', '/usr/sbin/nft')).toContain('libnftables.so.1 =>');
    expect(run('/bin/sh', '-c', 'echo hello')).toBe('hello\n');
    expect(run('/usr/bin/nsenter', '--version')).toContain('util-linux');
    const node = `/opt/tendril/node_modules/node-linux-${foreign}/bin/node`;
    expect(run(node, '/opt/tendril/dist/main.js', 'version')).toContain(`tendril ${packageJson.version}`);
    const load = `require('node:module').createRequire('/opt/tendril/dist/').call(null, 'koffi').load('libbpf.so.1'); console.log('loaded')`;
    expect(run(node, '-e', load)).toBe('loaded\n');
  },
  slow,
);
