/** Ends a real cluster and removes all that it made, by the ids that were written down and the namespaces they are in. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { restoreInotifyInstances } from './inotify.ts';
import { clusterDirectory, clusterName, nodes } from './layout.ts';
import { endProcesses, removeCgroups } from './node-end.ts';
import { run, stop } from './process.ts';

export async function removeCluster(): Promise<void> {
  const runDirectory = join(clusterDirectory, 'run');
  const names = existsSync(runDirectory) ? readdirSync(runDirectory) : [];
  // First who would start again what ends, last who holds the namespaces in which the rest is found.
  const isHolder = (name: string) => name.endsWith('-holder');
  for (const name of names.filter((each) => each.endsWith('-kubelet'))) await stop(name);
  for (const name of names.filter((each) => !isHolder(each))) await stop(name);
  await endProcesses(nodes());
  const namespaces = run('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0]!);
  for (const name of namespaces.filter((each) => each.startsWith(`${clusterName}-`)))
    run('ip', ['netns', 'del', name]);
  await removeCgroups(nodes());
  restoreInotifyInstances();
  rmSync(clusterDirectory, { recursive: true, force: true });
}
