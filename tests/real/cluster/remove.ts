/** Ends a real cluster and removes all that it made, by the ids that were written down and the namespaces they are in. */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { restoreInotifyInstances } from './inotify.ts';
import { clusterDirectory, clusterName, nodes } from './layout.ts';
import { pidOf, run } from './process.ts';

const cgroups = '/sys/fs/cgroup';

export async function removeCluster(): Promise<void> {
  const runDirectory = join(clusterDirectory, 'run');
  const names = existsSync(runDirectory) ? readdirSync(runDirectory) : [];
  for (const name of names.filter((each) => each.endsWith('-kubelet'))) end(pidOf(name), 'SIGTERM');
  await sleep(500);
  // What runs in a node's mount namespace, its containers (whose namespaces are others) by the node's cgroups.
  for (const pid of [...inCgroups(), ...inMounts()]) end(pid, 'SIGKILL');
  for (const name of names) end(pidOf(name), 'SIGKILL');
  await sleep(500);
  const namespaces = run('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0]!);
  for (const name of namespaces.filter((each) => each.startsWith(`${clusterName}-`)))
    run('ip', ['netns', 'del', name]);
  await removeCgroups();
  restoreInotifyInstances();
  rmSync(clusterDirectory, { recursive: true, force: true });
}

function end(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || pid === process.pid) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

/** Every group of a node's, deepest first. */
function groups(): string[] {
  const hierarchies = readdirSync(cgroups).filter((name) => existsSync(join(cgroups, name, 'cgroup.procs')));
  const tops = ['', ...hierarchies].flatMap((hierarchy) =>
    nodes().map(({ cgroup }) => join(cgroups, hierarchy, cgroup)),
  );
  return tops.filter((top) => existsSync(top)).flatMap((top) => [...below(top), top]);
}

function below(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return entries.flatMap(({ name }) => [...below(join(directory, name)), join(directory, name)]);
}

function inCgroups(): number[] {
  return groups().flatMap((group) =>
    readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number),
  );
}

function inMounts(): number[] {
  const namespaceOf = (pid: number | 'self') => {
    try {
      return readlinkSync(`/proc/${pid}/ns/mnt`);
    } catch {
      return undefined;
    }
  };
  const own = namespaceOf('self');
  const held = nodes().flatMap(({ name }) => {
    const pid = pidOf(`${name}-holder`);
    return pid === undefined ? [] : [namespaceOf(pid)];
  });
  const theirs = new Set(held.filter((namespace) => namespace !== undefined && namespace !== own));
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => theirs.has(namespaceOf(pid)));
}

/** A group can be removed once the kernel has let go of its last process. */
async function removeCgroups(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    for (const group of groups()) {
      try {
        rmdirSync(group);
      } catch {
        // Still in use: the next round.
      }
    }
    if (groups().length === 0) return;
    await sleep(250);
  }
  throw new Error(`these cgroups cannot be removed: ${groups().join(', ')}`);
}
