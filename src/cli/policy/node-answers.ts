/** Every node's agent asked the same, a few at a time: each answer is held whole. */
import { describeError } from '../../util/errors.ts';
import { NotInstalled } from '../session/cluster-agents.ts';
import type { Session } from '../session/session.ts';

export type NodeAnswer<Answer> = { node: string } & ({ answer: Answer } | { problem: string });

const parallel = 16;

/** In the order of the nodes; an agent that says nothing is told with the reason. @throws TendrilError NOT_READY where Tendril is not there */
export async function askNodes<Answer>(
  { agents }: Pick<Session, 'agents'>,
  nodes: readonly string[],
  path: string,
): Promise<NodeAnswer<Answer>[]> {
  const answers: NodeAnswer<Answer>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < nodes.length; i = next++) {
      const node = nodes[i]!;
      try {
        answers[i] = { node, answer: (await agents.ask<Answer>(node, path)).answer };
      } catch (error) {
        if (error instanceof NotInstalled) throw error;
        answers[i] = { node, problem: describeError(error) };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, nodes.length) }, worker));
  return answers;
}
