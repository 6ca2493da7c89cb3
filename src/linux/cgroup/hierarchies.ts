/**
 * Where controllers are: all in the one tree of version 2, or, on a machine that mounts version 1 beside it, each in a
 * hierarchy of its own (cgroups(7)), which then version 2 does not have. The same group has the same path in every one.
 */
import { join, relative } from 'node:path';
import { type MountEntry, readMounts } from '../mount/mount-table.ts';
import { cgroupMount } from './cgroup.ts';

export const controllers = ['memory', 'pids', 'cpu'] as const;
export type Controller = (typeof controllers)[number];

/** Version 1's mounts of the controllers that have one; several controllers may share it. */
export function versionOneMounts(mounts: MountEntry[] = readMounts()): Map<Controller, string> {
  const whole = mounts.filter(({ type, root }) => type === 'cgroup' && root === '/');
  return new Map(
    controllers.flatMap((controller) => {
      const mount = whole.find(({ options }) => options.split(',').includes(controller));
      return mount ? [[controller, mount.target] as const] : [];
    }),
  );
}

/** Every hierarchy that groups with limits may be in: version 2's first. @throws TendrilError KERNEL_FEATURE */
export function hierarchies(mounts: MountEntry[] = readMounts()): string[] {
  return [...new Set([cgroupMount(mounts), ...versionOneMounts(mounts).values()])];
}

/** Where a group of version 2 is, or may be, in every hierarchy. @throws TendrilError KERNEL_FEATURE */
export function everywhere(path: string, mounts: MountEntry[] = readMounts()): string[] {
  const [unified, ...others] = hierarchies(mounts);
  return [path, ...others.map((mount) => join(mount, relative(unified!, path)))];
}
