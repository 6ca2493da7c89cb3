/** A lab's agents are asked by way of its server. */

import { join } from 'node:path';
import type { LabConfig, LabPaths } from '../../lab/topology/lab-config.ts';
import type { AgentAnswer, Agents } from './agents.ts';
import { askControl } from './control.ts';

/** They throw TendrilError API for a node that there is not, or an agent that does not answer. */
export function labAgents(config: LabConfig, paths: LabPaths): Agents {
  const ask = async <Answer>(node: string | undefined, path: string): Promise<AgentAnswer<Answer>> => {
    const name = node ?? config.nodes[0]!.name;
    const socket = join(paths.root, 'control.sock');
    return { node: name, answer: await askControl(socket, `/agents/${encodeURIComponent(name)}${path}`) };
  };
  return {
    ask,
    async *follow<Answer>(node: string | undefined, path: string) {
      for (;;) yield (await ask<Answer>(node, path)).answer;
    },
  };
}
