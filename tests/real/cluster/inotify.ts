/**
 * The machine's limit of inotify instances: each node's kubelet and containerd take some, of one kernel. One limit for all
 * clusters that are on the machine: the last to go gives it back.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fabricNetns } from './layout.ts';
import { run } from './process.ts';

const limitPath = '/proc/sys/fs/inotify/max_user_instances';
const formerPath = '/run/tendril-real-inotify-instances';
const least = 1024;

export function raiseInotifyInstances(): void {
  const former = readFileSync(limitPath, 'utf8').trim();
  if (Number(former) >= least) return;
  writeFileSync(formerPath, former);
  writeFileSync(limitPath, String(least));
}

/** To what it was, where it was raised, nobody has changed it since, and no other cluster is there. */
export function restoreInotifyInstances(): void {
  if (!existsSync(formerPath) || othersAreThere()) return;
  if (Number(readFileSync(limitPath, 'utf8')) === least)
    writeFileSync(limitPath, readFileSync(formerPath, 'utf8'));
  rmSync(formerPath);
}

/** Every cluster has a fabric. */
function othersAreThere(): boolean {
  const names = run('ip', ['netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0]!);
  return names.some((name) => name.endsWith('-fabric') && name !== fabricNetns);
}
