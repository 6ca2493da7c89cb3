/** What a container has on its node's disk: made before it starts, taken away once it has ended. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import type { Pod } from '../../kube/types.ts';
import type { ContainerLaunch } from './container-launch.ts';
import type { NodeContext } from './node-context.ts';
import { podPaths } from './pod-directory.ts';
import type { ContainerRecord } from './pod-record.ts';

export interface ContainerPlace {
  context: NodeContext;
  pod: Pod;
  record: ContainerRecord;
}

/** Idempotent. */
export async function makeFiles(
  launch: ContainerLaunch,
  { context, pod, record }: ContainerPlace,
): Promise<void> {
  const paths = podPaths(context.paths, pod.metadata.uid);
  const { scratch } = paths.container(record.name);
  await Promise.all([
    mkdir(scratch, { recursive: true, mode: 0o755 }),
    mkdir(paths.logs(record.name), { recursive: true }),
  ]);
  // Only the last attempt before this one can still be asked for.
  await rm(`${paths.logs(record.name)}/${record.restartCount - 2}.log`, { force: true });
  await writeFile(launch.terminationLog, '');
  if (launch.image.standIn) await writeFile(launch.morePorts, '');
  // Whatever its user, the container may write it; a mode given at creation would be cut by the umask.
  await chmod(launch.terminationLog, 0o666);
}

/** What `exec` from outside needs to enter the container. */
export async function writeRecord(
  { spec }: ContainerLaunch,
  pid: number,
  { context, pod, record: { name } }: ContainerPlace,
): Promise<void> {
  const { record } = podPaths(context.paths, pod.metadata.uid).container(name);
  await writeFile(record, JSON.stringify({ name, pid, ...spec }), { mode: 0o600 }).catch(() => {});
}

/** Its log stays. What cannot be removed goes with the pod: the container's end is told all the same. */
export async function removeFiles(
  { spec }: ContainerLaunch,
  { logger, cgroups }: NodeContext,
): Promise<void> {
  const { id, cgroup } = spec;
  const { scratch } = spec.sandbox!;
  void cgroups.remove(cgroup).catch(() => {});
  await rm(scratch, { recursive: true, force: true }).catch((error) =>
    logger.warn('files of a container remain', { id, scratch, error }),
  );
}
