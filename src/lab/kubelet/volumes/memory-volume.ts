/** emptyDir of medium Memory. Source: kubelet's calculateEmptyDirMemorySize (pkg/volume/emptydir/empty_dir.go). */
import { parseQuantity } from '../../../kube/quantity.ts';
import type { Pod, Volume } from '../../../kube/types.ts';
import { podLimit } from '../resource-limits.ts';

/** Nodes share a machine, and what lies in such a volume is given back by no kill: as much as all containers' files may take. */
const nodeShare = 0.4;

/** The least of what the node gives, the pod's limit of memory and the volume's own limit, in bytes. */
export function memoryVolumeSize(pod: Pod, { emptyDir }: Volume, nodeMemory: number): number {
  const limits = [podLimit(pod, 'memory') ?? 0, parseQuantity(emptyDir?.sizeLimit ?? 0)];
  return Math.min(nodeShare * nodeMemory, ...limits.filter((limit) => limit > 0));
}
