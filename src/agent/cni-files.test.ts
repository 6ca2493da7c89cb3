/** What somebody does to the CNI files of a node, and how they are again afterwards. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '../util/logger.ts';
import { CniFiles } from './cni-files.ts';
import { conflistName, renderConflist, writeConflist } from './conflist.ts';

let directory: string;
let log: string[];
let files: CniFiles;
let config: {
  cniSocket: string;
  stateDirectory: string;
  bpfDirectory: string;
  cniConfDirectory: string;
  cniBinDirectory: string;
  objectsDirectory: string;
};

const conflist = () => join(config.cniConfDirectory, conflistName);
const shim = () => join(config.cniBinDirectory, 'tendril');
/** A failed run is tried again after a second. */
const patience = { interval: 5 };
const untilConflistIsRight = () =>
  vi.waitFor(() => expect(readFileSync(conflist(), 'utf8')).toBe(renderConflist(config)), patience);
const untilShimIsRight = () =>
  vi.waitFor(
    () => expect([readFileSync(shim(), 'utf8'), statSync(shim()).mode & 0o777]).toEqual(['program', 0o755]),
    patience,
  );

const restored = 'restored CNI files that somebody removed or altered';
const untilLogged = (lines: string[]) => vi.waitFor(() => expect(log).toEqual(lines), patience);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-cni-files-'));
  config = {
    cniSocket: '/run/cni.sock',
    stateDirectory: '/var/lib/state',
    bpfDirectory: '/sys/fs/bpf/pins',
    cniConfDirectory: join(directory, 'cni', 'net.d'),
    cniBinDirectory: join(directory, 'bin'),
    objectsDirectory: join(directory, 'dist', 'bpf'),
  };
  mkdirSync(join(directory, 'dist', 'native'), { recursive: true });
  writeFileSync(join(directory, 'dist', 'native', 'cni-shim'), 'program');
  chmodSync(join(directory, 'dist', 'native', 'cni-shim'), 0o755);
  log = [];
  const logger = createLogger({ write: (line) => void log.push(JSON.parse(line).msg) });
  files = new CniFiles({ config, logger, minIntervalMs: 1 });
  await files.keep();
  // The shim's, the last thing that happens at a start.
  await untilLogged([restored]);
});
afterEach(async () => {
  await files.stop();
  rmSync(directory, { recursive: true });
});

it('makes the conflist, with the directories that are missing', untilConflistIsRight);

it.each([
  ['removed', () => rmSync(conflist())],
  ['altered', () => writeFileSync(conflist(), '{}')],
  ['removed with its directory', () => rmSync(config.cniConfDirectory, { recursive: true })],
])('restores the conflist that was %s, however often', async (_, spoil) => {
  for (let i = 0; i < 3; i++) {
    spoil();
    await untilConflistIsRight();
  }
});

it.each([
  ['removed', () => rmSync(shim())],
  ['altered', () => writeFileSync(shim(), 'other')],
  ['taken the right to run', () => chmodSync(shim(), 0o644)],
])('restores the shim that was %s', async (_, spoil) => {
  spoil();
  await untilShimIsRight();
});

it('leaves the files of others alone, and its own where they are right', async () => {
  const other = join(config.cniConfDirectory, '10-other.conflist');
  const { ino } = statSync(conflist());
  log.length = 0;
  writeFileSync(other, '{}');
  rmSync(other);
  // The same bytes, in place: seen, looked at, and found right, with no moment at which the file is empty.
  writeFileSync(conflist(), renderConflist(config), { flag: 'r+' });
  rmSync(shim());
  await untilShimIsRight();
  expect(statSync(conflist()).ino).toBe(ino);
  await untilLogged([restored]);
});

it('goes on trying where it cannot, and says so', async () => {
  rmSync(config.cniConfDirectory, { recursive: true });
  writeFileSync(config.cniConfDirectory, 'in the way');
  await vi.waitFor(
    () => expect(log).toContain('the CNI configuration cannot be kept as it should be'),
    patience,
  );
  rmSync(config.cniConfDirectory);
  await untilConflistIsRight();
});

it('restores nothing once it has stopped', async () => {
  await files.stop();
  rmSync(conflist());
  // A second keeper's work is the sign that the event has been told.
  const second = new CniFiles({ config, logger: createLogger({ write: () => {} }), minIntervalMs: 1 });
  rmSync(shim());
  await second.keep();
  await untilShimIsRight();
  await second.stop();
  rmSync(conflist());
  await writeConflist({ ...config, cniSocket: '/run/other.sock' });
  expect(readFileSync(conflist(), 'utf8')).toContain('/run/other.sock');
});
