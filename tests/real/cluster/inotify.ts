/** The machine's limit of inotify instances: each node's kubelet and containerd take some, of one kernel. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterDirectory } from './layout.ts';

const limitPath = '/proc/sys/fs/inotify/max_user_instances';
const formerPath = join(clusterDirectory, 'inotify-instances');
const least = 1024;

export function raiseInotifyInstances(): void {
  const former = readFileSync(limitPath, 'utf8').trim();
  if (Number(former) >= least) return;
  writeFileSync(formerPath, former);
  writeFileSync(limitPath, String(least));
}

/** To what it was, where it was raised and nobody has changed it since. */
export function restoreInotifyInstances(): void {
  if (!existsSync(formerPath) || Number(readFileSync(limitPath, 'utf8')) !== least) return;
  writeFileSync(limitPath, readFileSync(formerPath, 'utf8'));
}
