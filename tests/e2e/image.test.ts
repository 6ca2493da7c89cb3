/** The image of a real cluster's nodes, unpacked: all that its programs need is in it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'tendril-image-'));
const unpacked = join(directory, 'root');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const archive = join(root, 'dist', `tendril-${packageJson.version}-${architecture}.tar`);

/** Compressing 120 MiB takes seconds, and half a minute where others use the processors. */
const slow = 300_000;

const make = () => {
  execFileSync(process.execPath, ['scripts/image/main.ts'], { cwd: root });
  return readFileSync(archive);
};

const inImage = (...words: string[]) => execFileSync('chroot', [unpacked, ...words], { encoding: 'utf8' });

beforeAll(() => {
  make();
  execFileSync('mkdir', [unpacked]);
  execFileSync('tar', ['-xf', archive, '-C', directory]);
  const blob = (digest: string) => join(directory, 'blobs', digest.replace(':', '/'));
  const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8'));
  const { layers } = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
  for (const { digest } of layers) execFileSync('tar', ['-xzf', blob(digest), '-C', unpacked]);
}, slow);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test(
  'has the same bytes when it is made again, and is no larger than 90 MiB',
  () => {
    const bytes = readFileSync(archive);
    expect(make().equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan(90 * 2 ** 20);
  },
  slow,
);

test('runs Tendril, nft and a shell', () => {
  expect(inImage('/usr/bin/tendril', 'version')).toContain(`tendril ${packageJson.version}`);
  expect(inImage('/usr/sbin/nft', '--version')).toContain('nftables');
});

test('finds libbpf by FFI, as the agent does', () => {
  const node = `/opt/tendril/node_modules/node-linux-${process.arch}/bin/node`;
  const code = `require('node:module').createRequire('/opt/tendril/dist/').call(null, 'koffi').load('libbpf.so.1'); console.log('loaded')`;
  expect(inImage(node, '-e', code)).toBe('loaded\n');
});

test('has the licences of what it is made of', () => {
  for (const file of [
    'usr/share/doc/libbpf1/copyright',
    'usr/share/doc/nftables/copyright',
    'opt/tendril/LICENSE',
    'opt/tendril/dist/THIRD-PARTY-NOTICES',
    'opt/tendril/node_modules/koffi/LICENSE.txt',
  ])
    expect(readFileSync(join(unpacked, file), 'utf8').length).toBeGreaterThan(500);
});
