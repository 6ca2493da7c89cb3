/**
 * A cluster's agents tell what they know to their own node alone: a process in the agent's own pod asks, by the API's
 * exec, and passes the answer on (src/cli/ask-agent.ts).
 */
import { createInterface } from 'node:readline';
import { podTrouble } from '../../install/node-pod.ts';
import { isPodReady, lookAtPods } from '../../install/rollout.ts';
import { agentDaemonSet } from '../../install/status.ts';
import { ApiError, isNotFound } from '../../kube/client/api-error.ts';
import { clientOf } from '../../kube/client/http-client.ts';
import type { Transport } from '../../kube/client/transport.ts';
import { resources } from '../../kube/resources.ts';
import { startCommand } from '../../kube/streams/command-client.ts';
import type { Pod } from '../../kube/types.ts';
import { TendrilError } from '../../util/errors.ts';
import type { AgentAnswer, Agents } from './agents.ts';

/** No node has an agent. */
export class NotInstalled extends TendrilError {}

/** As in the DaemonSet. */
const container = 'agent';

/** The process begins, and its question has ten seconds; a node that has just gone says nothing at all. */
const answerMs = 30_000;

/**
 * They throw TendrilError NOT_READY where Tendril is not on the cluster, or no agent runs on the node; BAD_INPUT for a
 * node that there is not; API with the agent's own words.
 */
export function clusterAgents(api: Transport, start: typeof startCommand = startCommand): Agents {
  const run = async (node: string | undefined, ...command: string[]) => {
    const pod = await agentPod(api, node);
    const { namespace = '', name } = pod.metadata;
    const running = await start(api, {
      ...{ namespace, pod: name, container, command: ['/usr/bin/tendril', 'ask-agent', ...command] },
      // It ends with its input, also where the connection breaks.
      ...{ stdin: true, tty: false },
    });
    return { node: pod.spec!.nodeName!, ...running };
  };
  return {
    ask: async <Answer>(node: string | undefined, path: string): Promise<AgentAnswer<Answer>> => {
      const asked = await run(node, path);
      let isLate = false;
      const late = setTimeout(() => {
        isLate = true;
        asked.close();
      }, answerMs);
      const ended = Promise.all([textOf(asked.stdout), textOf(asked.stderr), asked.exited]);
      const [text, errors, code] = await ended
        .catch((cause) => {
          throw isLate ? notRunning(`the agent of ${asked.node} says nothing`) : notRun(asked.node, cause);
        })
        .finally(() => clearTimeout(late));
      if (code !== 0) throw refused(asked.node, code, errors);
      return { node: asked.node, answer: JSON.parse(text) as Answer };
    },
    async *follow<Answer>(node: string | undefined, path: string) {
      const asked = await run(node, path, '--repeat');
      const errors = textOf(asked.stderr);
      try {
        for await (const line of createInterface({ input: asked.stdout })) yield JSON.parse(line) as Answer;
        const code = await asked.exited.catch((cause) => {
          throw notRun(asked.node, cause);
        });
        throw refused(asked.node, code, await errors);
      } finally {
        asked.close();
      }
    },
  };
}

async function agentPod(api: Transport, node: string | undefined): Promise<Pod> {
  const client = clientOf(api);
  const { pods } = await lookAtPods(client, agentDaemonSet).catch((error) => {
    if (!isNotFound(error)) throw error;
    throw new NotInstalled('NOT_READY', 'Tendril is not on this cluster', { remedy: 'Run: tendril install' });
  });
  const names = [...pods.keys()].filter((name) => name !== '').sort();
  if (node === undefined) {
    const first = names.find((name) => isPodReady(pods.get(name)));
    if (first !== undefined) return pods.get(first)!;
    throw notRunning('no agent of this cluster is ready');
  }
  const pod = pods.get(node);
  if (pod !== undefined) {
    const { containerStatuses = [] } = pod.status ?? {};
    const runs = containerStatuses.some(({ name, state }) => name === container && state?.running);
    if (runs) return pod;
    throw notRunning(`the agent of ${node} does not run: ${podTrouble(pod, [])}`);
  }
  const all = (await client.list(resources.nodes)).items.map(({ metadata }) => metadata.name);
  if (all.includes(node)) throw notRunning(`no agent runs on ${node}: it has no pod of tendril-agent`);
  throw new TendrilError('BAD_INPUT', `there is no node "${node}"; there are ${all.join(', ')}`);
}

const notRunning = (message: string) =>
  new TendrilError('NOT_READY', message, { remedy: 'See: tendril status --kubeconfig FILE' });

/** The node could not run the process. */
function notRun(node: string, cause: unknown): unknown {
  if (!(cause instanceof ApiError)) return cause;
  return new TendrilError('API', `the agent of ${node} could not be asked`, {
    cause,
    remedy: 'Its image may be of another version of Tendril than this command: see tendril upgrade.',
  });
}

/** In the words of the process that asked, which names itself. */
function refused(node: string, code: number, errors: string): TendrilError {
  const words = errors.replace(/^tendril: /, '').split('\n')[0];
  return new TendrilError(
    'API',
    `the agent of ${node} could not be asked: ${words || `exit status ${code}`}`,
    {
      // One that knows no such command.
      ...(errors.includes('there is no command') && {
        remedy: 'It is of an older version: run tendril upgrade.',
      }),
    },
  );
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
