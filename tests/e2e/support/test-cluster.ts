/**
 * What scenarios of the network need of a cluster, and the two that they run on: a lab, or with TENDRIL_TEST_CLUSTER=real a
 * cluster of Kubernetes' own programs (tests/real/scenarios). The files are the same; where-files-run.ts names them.
 */
import { bringUp as bringUpLab, type LabOptions } from './lab.ts';
import type { Output, RunOptions } from './tendril.ts';

export interface TestCluster extends AsyncDisposable {
  /** The names that its nodes have: of node-1, node-2 and node-3 of manifests and arguments, which every cluster takes. */
  readonly nodes: readonly string[];
  /** Those of them to which the scheduler gives pods. */
  readonly workers: readonly string[];
  /** Of the host outside. */
  readonly outsideIps: { readonly 4: string; readonly 6: string };
  /** Where agents tell their metrics, on their nodes. */
  readonly agentPort: number;
  /** `tendril ARGS` on this cluster. */
  tendril(args: readonly string[], options?: RunOptions): Promise<Output>;
  /** Standard output of a command that must succeed, in a pod, on a node or outside. */
  exec(where: readonly string[], ...command: string[]): Promise<string>;
  kubectl(...args: string[]): Promise<Output>;
  /** The path of one by which this process reaches the API server. */
  kubeconfig(): Promise<string>;
  /** All of a node's, its pods' too. */
  processes(node: string): number[];
  /** The agents that run; of all nodes unless some are named. */
  agents(...nodes: string[]): number[];
  /** Of what the test made nothing is left. */
  down(): Promise<void>;
}

export const onRealCluster = process.env.TENDRIL_TEST_CLUSTER === 'real';

/**
 * A cluster with the manifest's objects, ready as after `tendril up`; the arguments are `up`'s.
 * @throws Error where they are of a lab alone, and this is none
 */
export async function bringUp(options: LabOptions = {}): Promise<TestCluster> {
  if (!onRealCluster) return await bringUpLab(options);
  const { bringUpOnRealCluster } = await import('../../real/scenarios/driver.ts');
  return await bringUpOnRealCluster(options);
}
