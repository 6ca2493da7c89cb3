/** What a kubelet needs of cgroups. `LimitedCgroups` of the machine is one. */
import type { Limits } from '../../linux/cgroup/limited-cgroups.ts';

export interface PodCgroups {
  /** Makes a group for other groups. */
  ensureParent(path: string, limits: Limits): void;
  /** Makes a group for processes. @returns groups of version 1 that a process must be in besides */
  ensureLeaf(path: string, limits: Limits): string[];
  /** How many of the group's processes the kernel has killed for want of memory. */
  oomKills(path: string): number;
  /** With those below it. Idempotent. */
  remove(path: string): Promise<void>;
}
