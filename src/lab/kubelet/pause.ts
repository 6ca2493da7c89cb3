/**
 * The pause container of pods with shareProcessNamespace: process 1 of the namespace that the pod's containers
 * join, so that none of them takes the others along when it ends. It reaps what its containers leave behind.
 */
import type { Pod } from '../../kube/types.ts';
import { resolveImage, resolveStandInArgv } from '../images/image-table.ts';
import type { NodeContext } from './node-context.ts';
import { podPaths } from './pod-directory.ts';
import { containerLimits } from './resource-limits.ts';

/** No container's name has capitals. */
const name = 'POD';
const image = 'registry.k8s.io/pause:3.10.2';
const nobody = 65535;
const SIGKILL = 9;

/** The launcher's id of the pod's pause process. */
export function pauseId(pod: Pod): string {
  return `${pod.metadata.uid}.${name}.0`;
}

/** @throws TendrilError TOOL_FAILED */
export async function startPause(pod: Pod, context: NodeContext): Promise<void> {
  const { launcher, images, paths, cgroups } = context;
  const at = podPaths(paths, pod.metadata.uid);
  const cgroup = at.containerCgroup(name, 0);
  const { mounts } = resolveImage(image, {}, images);
  await launcher.start({
    id: pauseId(pod),
    argv: resolveStandInArgv({ tcp: [], udp: [] }, false),
    env: {},
    cgroup,
    cgroups1: cgroups.ensureLeaf(cgroup, containerLimits(pod)),
    netns: pod.spec?.hostNetwork ? paths.netns : at.netns,
    sandbox: {
      hostname: 'pause',
      mounts,
      readOnlyRoot: true,
      uid: nobody,
      gid: nobody,
      supplementalGroups: [],
      capabilities: [],
      noNewPrivileges: true,
      scratch: at.container(name).scratch,
    },
  });
}

/** Ends whatever is left in the pod's PID namespace. Idempotent. */
export async function stopPause(pod: Pod, { launcher }: NodeContext): Promise<void> {
  await launcher.signal(pauseId(pod), SIGKILL);
}
