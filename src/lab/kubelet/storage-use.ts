/** Measures what a pod takes of its node's disk. */
import { join } from 'node:path';
import type { Pod } from '../../kube/types.ts';
import { diskUsage } from '../../linux/files/disk-usage.ts';
import type { PodPaths } from './pod-directory.ts';
import { type StorageUse, storedVolumes } from './storage-limits.ts';

/** In bytes of disk blocks; what is not there takes none. */
export async function storageUse(pod: Pod, paths: PodPaths): Promise<StorageUse> {
  const volumes = await measured(storedVolumes(pod), (name) => [join(paths.volumes, name)]);
  const names = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(
    ({ name }) => name,
  );
  const containers = await measured(names, (name) => [paths.container(name).scratch, paths.logs(name)]);
  return { volumes, containers, etc: await diskUsage(paths.etc.root) };
}

/** One after the other: nobody waits for it, and the file system's threads have other things to do. */
async function measured(
  names: readonly string[],
  directories: (name: string) => string[],
): Promise<Map<string, number>> {
  const used = new Map<string, number>();
  for (const name of names) {
    let bytes = 0;
    for (const directory of directories(name)) bytes += await diskUsage(directory);
    used.set(name, bytes);
  }
  return used;
}
