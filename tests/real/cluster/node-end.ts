/** Ends all that runs on nodes, whatever started it, and lets go of what it ran in. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeLayout } from './layout.ts';
import { end, isRunning, pidOf, waitFor } from './process.ts';

const cgroups = '/sys/fs/cgroup';

/**
 * At once, as when power fails: what runs in a node's mount namespace, and its containers (whose namespaces are others)
 * by the node's cgroups. Until nothing is left: what is killed may just have started something.
 */
export async function endProcesses(nodes: readonly NodeLayout[]): Promise<void> {
  await waitFor('the end of what runs on nodes', 30, () => {
    const left = processesOn(nodes);
    for (const pid of left) end(pid, 'SIGKILL');
    return left.length === 0;
  });
}

/** A group can be removed once the kernel has let go of its last process. With `keepTop` the node's own stay. */
export async function removeCgroups(nodes: readonly NodeLayout[], { keepTop = false } = {}): Promise<void> {
  const left = () => groups(nodes, keepTop);
  await waitFor('the end of nodes’ cgroups', 30, () => {
    for (const group of left()) tryRemove(group);
    return left().length === 0;
  });
}

function tryRemove(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // Still in use, or gone by now: the next look tells.
  }
}

export function processesOn(nodes: readonly NodeLayout[]): number[] {
  const pids = new Set([...inCgroups(nodes), ...inMounts(nodes)]);
  return [...pids].filter((pid) => pid !== process.pid && isRunning(pid));
}

/** Every group of the nodes, deepest first. */
function groups(nodes: readonly NodeLayout[], withoutTop: boolean): string[] {
  const hierarchies = readdirSync(cgroups).filter((name) => existsSync(join(cgroups, name, 'cgroup.procs')));
  const tops = ['', ...hierarchies].flatMap((hierarchy) =>
    nodes.map(({ cgroup }) => join(cgroups, hierarchy, cgroup)),
  );
  return tops
    .filter((top) => existsSync(top))
    .flatMap((top) => [...below(top), ...(withoutTop ? [] : [top])]);
}

function below(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.flatMap(({ name }) => [...below(join(directory, name)), join(directory, name)]);
}

function inCgroups(nodes: readonly NodeLayout[]): number[] {
  return groups(nodes, false).flatMap((group) =>
    readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number),
  );
}

function inMounts(nodes: readonly NodeLayout[]): number[] {
  const own = mountsOf('self');
  const held = nodes.flatMap(({ name }) => mountsOf(pidOf(`${name}-holder`)) ?? []);
  const theirs = new Set(held.filter((namespace) => namespace !== own));
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => theirs.has(mountsOf(pid) ?? ''));
}

function mountsOf(pid: number | 'self' | undefined): string | undefined {
  try {
    return pid === undefined ? undefined : readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}
