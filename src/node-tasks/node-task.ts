/**
 * What a node task is: work that needs the node itself, done once by a short-lived privileged pod there (or by hand, as
 * root on the node): `tendril node-task NAME --input JSON`. Its report is JSON and goes back to whoever asked.
 */

/** Where a node task finds the node's root directory. */
export const hostRoot = '/host';

export interface NodeTaskContext {
  /** The node's root directory, everything mounted below it: `/host` in a pod, `/` on the node itself. */
  host: string;
}

/**
 * The work. Idempotent: a task whose pod was lost is run again.
 * @throws TendrilError whose message and remedy reach the user
 */
export type NodeTask<Input = unknown, Report = unknown> = (
  input: Input,
  context: NodeTaskContext,
) => Promise<Report>;

export interface NodeTaskEntry {
  /** What it does, as progress says it: `looking at the node`. */
  doing: string;
  /**
   * Which of the node's paths its pod has besides the root at `/host`. `look`: cgroups and the BPF file system, which are
   * there; `change`: all those of the agent's pod, at the same places, made where they are missing.
   */
  access: 'look' | 'change';
  load(): Promise<NodeTask>;
}
