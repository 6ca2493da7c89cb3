/** Mounts of the kinds that Tendril makes, and taking them away again (mount(2)). */
import { mkdirSync, realpathSync } from 'node:fs';
import { errno, KernelError } from '../errno.ts';
import {
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
} from '../ffi/constants.ts';
import * as libc from '../ffi/libc.ts';
import { mountsBelow, readMounts } from './mount-table.ts';

/**
 * A bpffs of its own at the directory, which is made: unmounting it frees every pin in it. Where one is already,
 * it is kept.
 * @throws KernelError ENODEV when the kernel has no BPF file system
 */
export function ensureBpffs(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const at = realpathSync(directory);
  if (readMounts().some(({ target, type }) => target === at && type === 'bpf')) return;
  mount('bpf', directory, { type: 'bpf', flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, data: 'mode=0700' });
}

/**
 * A tmpfs; `size` as mount(8) has it (`64m`), `mode` in octal, `source` is what the table of mounts names. The directory
 * is made.
 * @throws KernelError
 */
export function mountTmpfs(
  directory: string,
  { source = 'tmpfs', ...options }: { source?: string; size?: string; mode?: string } = {},
): void {
  mkdirSync(directory, { recursive: true });
  const data = Object.entries({ mode: '0755', ...options }).map(([key, value]) => `${key}=${value}`);
  mount(source, directory, { type: 'tmpfs', flags: MS_NOSUID | MS_NODEV, data: data.join(',') });
}

/** Shows a file or directory at another place too, which must exist and be of the same kind. @throws KernelError */
export function bindMount(
  source: string,
  target: string,
  options: { readOnly?: boolean; recursive?: boolean } = {},
): void {
  mount(source, target, { type: null, flags: MS_BIND | (options.recursive ? MS_REC : 0), data: null });
  if (!options.readOnly) return;
  try {
    // A bind mount takes its flags from the source; only a second call changes them.
    mount(source, target, { type: null, flags: MS_REMOUNT | MS_BIND | MS_RDONLY, data: null });
  } catch (error) {
    libc.umount2(target, MNT_DETACH);
    throw error;
  }
}

function mount(
  source: string,
  target: string,
  how: { type: string | null; flags: number; data: string | null },
): void {
  const result = libc.mount(source, target, how.type, how.flags, how.data);
  libc.must(result, how.type === null ? 'bind mount' : `mount ${how.type}`, target);
}

/** Lazily: at once for all who look, for the file system when its last user is gone. False when nothing was there. */
export function unmount(target: string): boolean {
  const result = libc.umount2(target, MNT_DETACH);
  if (result === -errno.EINVAL || result === -errno.ENOENT) return false;
  libc.must(result, 'unmount', target);
  return true;
}

/**
 * Unmounts all at the path and below, the newest first, so that nothing hides what is below it.
 * @returns how many there were
 * @throws KernelError when any is left
 */
export function unmountBelow(path: string): number {
  const found = mountsBelow(path).reverse();
  for (const { target } of found) unmount(target);
  const left = mountsBelow(path)[0];
  if (left !== undefined) throw new KernelError(errno.EBUSY, 'unmount', left.target);
  return found.length;
}
