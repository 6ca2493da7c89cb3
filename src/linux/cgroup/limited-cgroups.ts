/**
 * Groups of processes with limits. Version 2 and version 1 are asked for the same things by other names
 * (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, cgroup-v1/pids.rst, scheduler/sched-bwc.rst). In version
 * 1 a group is made only in hierarchies that it has a limit in, or whose group above it has one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describeError } from '../../util/errors.ts';
import { KernelError } from '../errno.ts';
import { type MountEntry, readMounts } from '../mount/mount-table.ts';
import { cgroupMount, ensureCgroup, removeCgroup } from './cgroup.ts';
import { type Controller, controllers, everywhere, versionOneMounts } from './hierarchies.ts';

/** Infinity: none, but it is counted. Absent: neither. */
export interface Limits {
  /** Bytes, without swap. */
  memory?: number;
  /** Processes and threads. */
  pids?: number;
  /** Processors; 0.5 is half of one's time. */
  cpu?: number;
}

export interface MissingController {
  controller: Controller;
  reason: string;
}

const cpuPeriodUs = 100_000;
/** The kernel takes no less. */
const leastCpuQuotaUs = 1000;
/** A process that has ended leaves its group a moment later than its parent learns of it. */
const leavingMs = 200;

const cpuQuotaUs = (cpus: number): number => Math.max(leastCpuQuotaUs, Math.ceil(cpus * cpuPeriodUs));

/** Files and values of a limit, in the order of writing; those with `?` need not be there (no swap, Linux 4.18). */
const files: Record<1 | 2, Record<Controller, (limit: number) => [file: string, value: string][]>> = {
  1: {
    memory: (bytes) => [
      ['memory.limit_in_bytes', String(Math.floor(bytes))],
      ['memory.memsw.limit_in_bytes?', String(Math.floor(bytes))],
    ],
    pids: (count) => [['pids.max', String(count)]],
    cpu: (cpus) => [
      ['cpu.cfs_period_us', String(cpuPeriodUs)],
      ['cpu.cfs_quota_us', String(cpuQuotaUs(cpus))],
    ],
  },
  2: {
    memory: (bytes) => [
      ['memory.max', String(Math.floor(bytes))],
      ['memory.swap.max?', '0'],
    ],
    pids: (count) => [['pids.max', String(count)]],
    cpu: (cpus) => [['cpu.max', `${cpuQuotaUs(cpus)} ${cpuPeriodUs}`]],
  },
};

export class LimitedCgroups {
  readonly #top: string;
  readonly #unified: string;
  readonly #mounts: MountEntry[];
  /** By version 1's mount of it. */
  readonly #versionOne = new Map<Controller, string>();
  readonly #versionTwo: Controller[] = [];
  readonly missing: MissingController[] = [];

  /**
   * Looks for controllers, by trying them.
   * @param top the highest group of version 2 that is the caller's own; no process may be in it
   * @throws TendrilError KERNEL_FEATURE, KernelError
   */
  constructor(top: string, mounts: MountEntry[] = readMounts()) {
    this.#top = top;
    this.#mounts = mounts;
    this.#unified = cgroupMount(mounts);
    ensureCgroup(top);
    const versionOne = versionOneMounts(mounts);
    for (const controller of controllers) {
      const mount = versionOne.get(controller);
      const reason = mount === undefined ? this.#tryTwo(controller) : this.#tryOne(controller, mount);
      if (reason !== undefined) this.missing.push({ controller, reason });
    }
  }

  /** Makes a group for other groups. @throws KernelError */
  ensureParent(path: string, limits: Limits): void {
    ensureCgroup(path);
    // Before the limits, whose files a group has only of controllers that are given on to it.
    for (const at of this.#ownAbove(path)) this.#delegate(at);
    this.#ensure(path, limits);
  }

  /**
   * Makes a group for processes; they end together where the kernel kills one of them for want of memory, in version 2.
   * @returns groups of version 1 that a process must enter besides
   * @throws KernelError
   */
  ensureLeaf(path: string, limits: Limits): string[] {
    const entered = this.#ensure(path, limits);
    if (limits.memory !== undefined && this.#versionTwo.includes('memory'))
      write(path, 'memory.oom.group', '1');
    return entered;
  }

  /** How many processes of the group the kernel has killed for want of memory; those of groups below it in version 2. */
  oomKills(path: string): number {
    const mount = this.#versionOne.get('memory');
    const file =
      mount === undefined ? join(path, 'memory.events') : join(this.#twin(path, mount), 'memory.oom_control');
    return Number(/^oom_kill (\d+)$/m.exec(readOrEmpty(file))?.[1] ?? 0);
  }

  /** Removes the group with those below it from all hierarchies. Idempotent. @throws KernelError EBUSY */
  async remove(path: string): Promise<void> {
    for (const at of everywhere(path, this.#mounts)) await removeCgroup(at, { timeoutMs: leavingMs });
  }

  #ensure(path: string, limits: Limits): string[] {
    ensureCgroup(path);
    const entered = new Set<string>();
    for (const controller of controllers) {
      const limit = limits[controller];
      if (limit === undefined) continue;
      const mount = this.#versionOne.get(controller);
      if (mount !== undefined) entered.add(this.#twin(path, mount));
      else if (!this.#versionTwo.includes(controller)) continue;
      const at = mount === undefined ? path : this.#twin(path, mount);
      ensureCgroup(at);
      if (limit === Number.POSITIVE_INFINITY) continue;
      for (const [file, value] of files[mount === undefined ? 2 : 1][controller](limit))
        write(at, file, value);
    }
    return [...entered];
  }

  #twin(path: string, mount: string): string {
    return join(mount, relative(this.#unified, path));
  }

  /** Our groups from the highest down to this one. */
  #ownAbove(path: string): string[] {
    return path === this.#top ? [path] : [...this.#ownAbove(dirname(path)), path];
  }

  /** Gives the controllers on to the groups below. */
  #delegate(path: string): void {
    if (this.#versionTwo.length > 0)
      write(path, 'cgroup.subtree_control', this.#versionTwo.map((name) => `+${name}`).join(' '));
  }

  #tryTwo(controller: Controller): string | undefined {
    const available = readOrEmpty(join(this.#top, 'cgroup.controllers')).trim().split(' ');
    if (!available.includes(controller))
      return `${this.#unified} does not pass the ${controller} controller on`;
    return attempt(() => {
      write(this.#top, 'cgroup.subtree_control', `+${controller}`);
      this.#versionTwo.push(controller);
    });
  }

  #tryOne(controller: Controller, mount: string): string | undefined {
    return attempt(() => {
      ensureCgroup(this.#twin(this.#top, mount));
      this.#versionOne.set(controller, mount);
    });
  }
}

/** Why it failed, or undefined. */
function attempt(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/** @throws KernelError, but of a file `name?` that is not there */
function write(group: string, file: string, value: string): void {
  const path = join(group, file.replace('?', ''));
  if (file.endsWith('?') && !existsSync(path)) return;
  try {
    writeFileSync(path, value);
  } catch (cause) {
    const number = -((cause as NodeJS.ErrnoException).errno ?? 0);
    throw new KernelError(number, `set ${file.replace('?', '')} to ${value} in cgroup`, group, { cause });
  }
}

/** Empty when there is none. */
function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
