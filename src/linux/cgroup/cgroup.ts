/**
 * Control groups, version 2 (cgroups(7), Documentation/admin-guide/cgroup-v2.rst): a directory per group. Tendril uses them to
 * hook sockets, to find processes and to end them together. Limits: limited-cgroups.ts.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../util/clock.ts';
import { TendrilError } from '../../util/errors.ts';
import { errno, isErrno, KernelError } from '../errno.ts';
import { type MountEntry, readMounts } from '../mount/mount-table.ts';

/**
 * Where the cgroup2 hierarchy is mounted: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` beside version 1.
 * @throws TendrilError KERNEL_FEATURE
 */
export function cgroupMount(mounts: MountEntry[] = readMounts()): string {
  // One may be mounted in several places, and a part of it in others: the shortest whole one is the system's. A
  // container has parts only.
  const all = mounts.filter(({ type }) => type === 'cgroup2');
  const whole = all.filter(({ root }) => root === '/');
  const targets = (whole.length > 0 ? whole : all).map(({ target }) => target);
  const shortest = targets.sort((a, b) => a.length - b.length)[0];
  if (shortest !== undefined) return shortest;
  throw new TendrilError('KERNEL_FEATURE', 'no cgroup2 hierarchy is mounted', {
    remedy: 'mount one: mount -t cgroup2 none /sys/fs/cgroup/unified',
  });
}

/** Makes the group and those above it; one that exists is kept. @throws KernelError */
export function ensureCgroup(path: string): void {
  attempt('create cgroup', path, () => mkdirSync(path, { recursive: true }));
}

/** Moves a process, with all its threads. Sockets it has already stay hooked where they were made. @throws KernelError */
export function addProcess(path: string, pid: number): void {
  attempt(`move process ${pid} to cgroup`, path, () =>
    writeFileSync(join(path, 'cgroup.procs'), String(pid)),
  );
}

/** Processes of the group and of all below it; those of a group that is gone are none. */
export function processes(path: string): number[] {
  return groupsBelow(path).flatMap((group) =>
    read(join(group, 'cgroup.procs')).split('\n').filter(Boolean).map(Number),
  );
}

/**
 * Kills (SIGKILL) every process of the group and of all below it, also those that fork meanwhile (cgroup.kill,
 * Linux 5.14). They may take a moment to end. Nothing to kill is no error. @throws KernelError
 */
export function killCgroup(path: string): void {
  ignoring([errno.ENOENT], () =>
    attempt('kill cgroup', path, () => writeFileSync(join(path, 'cgroup.kill'), '1')),
  );
}

/** True while the group or one below it has a process that is not a zombie. */
export function isPopulated(path: string): boolean {
  return /^populated 1$/m.test(read(join(path, 'cgroup.events')));
}

/**
 * Removes the group and all below it, once their processes have ended; waits for that up to `timeoutMs`.
 * False when there was none.
 * @throws KernelError EBUSY naming the processes that are left
 */
export async function removeCgroup(
  path: string,
  options: { timeoutMs?: number; clock?: Clock } = {},
): Promise<boolean> {
  const { timeoutMs = 30_000, clock = systemClock } = options;
  if (!existsSync(path)) return false;
  const until = clock.monotonic() + timeoutMs;
  while (!removeTree(path)) {
    if (clock.monotonic() >= until) {
      const reason = `processes ${processes(path).join(', ') || 'that are ending'} are in it`;
      throw new KernelError(errno.EBUSY, 'remove cgroup', path, { reason });
    }
    await clock.sleep(5);
  }
  return true;
}

/** Depth first. False while a group is busy: its processes are about to end. */
function removeTree(path: string): boolean {
  return groupsBelow(path)
    .reverse()
    .every((group) => {
      try {
        ignoring([errno.ENOENT], () => attempt('remove cgroup', group, () => rmdirSync(group)));
        return true;
      } catch (error) {
        if (isErrno(error, errno.EBUSY)) return false;
        throw error;
      }
    });
}

/** The group, then those below it; a group always comes before its children. */
function groupsBelow(path: string): string[] {
  let entries: string[] = [];
  try {
    const all = readdirSync(path, { withFileTypes: true });
    entries = all.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
  return [path, ...entries.flatMap((name) => groupsBelow(join(path, name)))];
}

/** Empty when the group is gone. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function attempt<T>(operation: string, object: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new KernelError(-((error as NodeJS.ErrnoException).errno ?? 0), operation, object, {
      cause: error,
    });
  }
}

function ignoring(numbers: number[], use: () => void): void {
  try {
    use();
  } catch (error) {
    if (!isErrno(error, ...numbers)) throw error;
  }
}
