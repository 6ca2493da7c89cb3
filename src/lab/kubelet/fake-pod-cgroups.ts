/** Cgroups of a machine without any: notes what is asked for. */
import type { Limits } from '../../linux/cgroup/limited-cgroups.ts';
import type { PodCgroups } from './pod-cgroups.ts';

export class FakePodCgroups implements PodCgroups {
  /** Of the groups that there are. */
  readonly limits = new Map<string, Limits>();
  /** By the group's last part. */
  readonly killed = new Map<string, number>();

  ensureParent(path: string, limits: Limits): void {
    this.limits.set(path, limits);
  }

  ensureLeaf(path: string, limits: Limits): string[] {
    this.limits.set(path, limits);
    return limits.memory === undefined ? [] : [`/memory${path}`];
  }

  oomKills(path: string): number {
    return this.killed.get(path.split('/').at(-1)!) ?? 0;
  }

  async remove(path: string): Promise<void> {
    for (const each of this.limits.keys())
      if (each === path || each.startsWith(`${path}/`)) this.limits.delete(each);
  }
}
