/** Questions to a node's agent, by way of the lab's server. */
import { join } from 'node:path';
import { labsDirectory, requireLabConfig } from '../../lab/topology/lab-state.ts';
import { askControl } from './control.ts';

/**
 * What the agent of a node, or of the lab's first, answers at a path.
 * @throws TendrilError API for a node that there is not, or an agent that does not answer
 */
export async function askAgent<T>(
  lab: string,
  node: string | undefined,
  path: string,
): Promise<{ node: string; answer: T }> {
  const name = node ?? requireLabConfig(lab).nodes[0]!.name;
  const socket = join(labsDirectory, lab, 'control.sock');
  return { node: name, answer: await askControl<T>(socket, `/agents/${encodeURIComponent(name)}${path}`) };
}
