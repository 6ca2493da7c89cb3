import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConflist, negotiateVersion } from '../cni/runtime/conflist.ts';
import { installShim, writeConflist } from './conflist.ts';

const shim = {
  cniSocket: '/run/cni.sock',
  stateDirectory: '/var/lib/state',
  bpfDirectory: '/sys/fs/bpf/pins',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tendril-conflist-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('is one that runtimes read, with the newest version both speak', async () => {
  const config = { ...shim, cniConfDirectory: join(directory, 'net.d') };
  await writeConflist(config);
  expect(readdirSync(config.cniConfDirectory)).toEqual(['05-tendril.conflist']);
  const conflist = await loadConflist(config.cniConfDirectory);
  expect(conflist.plugins).toEqual([
    {
      type: 'tendril',
      socket: '/run/cni.sock',
      complete: '/var/lib/state/complete',
      pins: '/sys/fs/bpf/pins',
      capabilities: { portMappings: true },
    },
  ]);
  expect(conflist.cniVersion).toBe('1.0.0');
  expect(negotiateVersion(conflist)).toBe('1.1.0');
});

it('is left alone where it is right: a runtime would load it anew', async () => {
  const config = { ...shim, cniConfDirectory: directory };
  await writeConflist(config);
  const { ino } = statSync(join(directory, '05-tendril.conflist'));
  await writeConflist(config);
  expect(statSync(join(directory, '05-tendril.conflist')).ino).toBe(ino);
  await writeConflist({ ...config, cniSocket: '/elsewhere' });
  expect(statSync(join(directory, '05-tendril.conflist')).ino).not.toBe(ino);
});

it('comes with the shim, which can be run', async () => {
  const objectsDirectory = join(directory, 'dist', 'bpf');
  mkdirSync(join(directory, 'dist', 'native'), { recursive: true });
  writeFileSync(join(directory, 'dist', 'native', 'cni-shim'), 'program');
  chmodSync(join(directory, 'dist', 'native', 'cni-shim'), 0o755);
  const cniBinDirectory = join(directory, 'bin');
  await installShim({ objectsDirectory, cniBinDirectory });
  await installShim({ objectsDirectory, cniBinDirectory });
  expect(readdirSync(cniBinDirectory)).toEqual(['tendril']);
  expect(readFileSync(join(cniBinDirectory, 'tendril'), 'utf8')).toBe('program');
  expect(statSync(join(cniBinDirectory, 'tendril')).mode & 0o111).toBe(0o111);
  await installShim({ objectsDirectory: '/nowhere' });
});
