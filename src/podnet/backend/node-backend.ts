/**
 * How the pods of other nodes are reached. Contract of every implementation:
 *  - `sync` is given all other nodes, every time, and makes the kernel so: idempotent, stale state removed,
 *    what is right already not touched. A node that cannot be reached is reported and does not keep the others out;
 *  - state in the kernel outlives the process; `cleanup` removes it, of earlier processes too;
 *  - the node of a pod is never worked out from its address: what counts is what the Node object says.
 */
import type { Cidr } from '../../net/cidr.ts';
import type { Ip } from '../../net/ip.ts';

export interface ClusterNode {
  name: string;
  /** At most one per family. */
  podCidrs: readonly Cidr[];
  /** Node.status.addresses of type InternalIP. */
  internalIps: readonly Ip[];
}

export interface SyncReport {
  /** Changes made in the kernel. */
  changed: number;
  /** Nodes that are not, or not fully, reachable, and why. */
  problems: { node: string; problem: string }[];
}

export interface NodeBackend {
  readonly name: string;
  /** Bytes of encapsulation per packet, at most. */
  readonly overhead: number;
  /** @throws TendrilError KERNEL_FEATURE when it cannot work here */
  probe(): Promise<void>;
  /** `nodes`: all but this one. @throws KernelError; a later sync repairs what is half done */
  sync(nodes: readonly ClusterNode[]): Promise<SyncReport>;
  cleanup(): Promise<void>;
}
