/** emptyDir of medium Memory. Source: kubelet's calculateEmptyDirMemorySize (pkg/volume/emptydir/empty_dir.go). */
import { parseQuantity } from '../../../kube/quantity.ts';
import type { Pod, Volume } from '../../../kube/types.ts';
import { podLimit } from '../resource-limits.ts';

/** The least of the node's memory, the pod's limit of memory and the volume's own limit, in bytes. */
export function memoryVolumeSize(pod: Pod, { emptyDir }: Volume, nodeMemory: number): number {
  const limits = [podLimit(pod, 'memory') ?? 0, parseQuantity(emptyDir?.sizeLimit ?? 0)];
  return Math.min(nodeMemory, ...limits.filter((limit) => limit > 0));
}
