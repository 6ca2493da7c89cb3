/** This machine's tools, as layers of images have them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { debianEntries } from '../../../scripts/image/contents.ts';
import type { TarEntry } from '../../../scripts/image/tar.ts';

const root = resolve(import.meta.dirname, '../../..');

/** A file of the machine or of the checkout, at its path in the image. */
export function imageFile(path: string, original: string, mode = 0o644): TarEntry {
  return { path, type: 'file', mode, body: readFileSync(resolve(root, original)) };
}

export const programFile = (path: string, original: string): TarEntry => imageFile(path, original, 0o755);

/** Programs with their libraries, and BusyBox for every command that is not among them. */
export function toolBox(programs: readonly string[]): TarEntry[] {
  const taken = new Set(programs.map((path) => path.slice(path.lastIndexOf('/') + 1)));
  const names = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const links = names
    .filter((name) => !taken.has(name) && name !== 'sh' && name !== 'busybox')
    .map((name): TarEntry => ({ path: `usr/bin/${name}`, type: 'link', target: 'busybox' }));
  return [
    ...debianEntries([...programs, '/usr/bin/busybox']),
    ...links,
    { path: 'usr/bin/sh', type: 'link', target: taken.has('dash') ? 'dash' : 'busybox' },
  ];
}

/** Users, how names are looked up, and the directories that programs expect. */
export function userFiles(): TarEntry[] {
  const text = (path: string, body: string): TarEntry => ({
    ...{ path, type: 'file', mode: 0o644 },
    body: Buffer.from(body),
  });
  return [
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n'),
    text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
    text('etc/nsswitch.conf', 'hosts: files dns\n'),
    { path: 'tmp', type: 'directory', mode: 0o1777 },
    ...['root', 'run', 'var', 'proc', 'sys', 'dev'].map(
      (path): TarEntry => ({
        ...{ path, type: 'directory', mode: 0o755 },
      }),
    ),
  ];
}
