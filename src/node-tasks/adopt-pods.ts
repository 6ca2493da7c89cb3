/**
 * A node whose network another plugin made is Tendril's from here on: the agent has taken over the pods that run, and the
 * other configurations are put aside. What is done to the pods the agent does by itself, at each start and with each ADD,
 * since pods may be made by the other plugin until its configuration goes (src/agent/former-network).
 */
import { join } from 'node:path';
import { conflistName } from '../agent/conflist.ts';
import type { FormerNetworkStatus } from '../agent/former-network/former-network.ts';
import { podPaths } from '../agent/pod/pod-config.ts';
import { TendrilError } from '../util/errors.ts';
import { askAgent } from './agent-status.ts';
import { putConflistsAside } from './conflists.ts';

export interface AdoptPodsInput {
  confDirectory?: string;
  statusPort?: number;
  /** Only tell of the pods. */
  keepConflists?: boolean;
}

export interface AdoptPodsReport {
  conflists: { aside: string[] };
  pods: FormerNetworkStatus['pods'];
  /** A pod that cannot reach new pods of its node, each in a sentence. */
  problems: string[];
}

interface AgentStatus {
  ready: boolean;
  notReady?: string;
  formerNetwork?: FormerNetworkStatus;
}

/** @throws TendrilError NOT_READY while the node's agent serves no pods; nothing is changed then */
export async function adoptPods(
  { confDirectory = podPaths.cniConfDirectory, statusPort, keepConflists = false }: AdoptPodsInput,
  { host }: { host: string },
): Promise<AdoptPodsReport> {
  const { ready, notReady, formerNetwork } = await askAgent<AgentStatus>(statusPort);
  if (!ready)
    throw new TendrilError('NOT_READY', `${conflistName} is not in force on this node: ${notReady}`, {
      remedy: "Wait until the agent's pod is Ready, then try again.",
    });
  const pods = formerNetwork?.pods ?? [];
  return {
    conflists: { aside: keepConflists ? [] : putConflistsAside(join(host, confDirectory)) },
    pods,
    problems: pods.flatMap(({ namespace, pod, containerId, problem }) =>
      problem === undefined ? [] : `${pod ? `${namespace}/${pod}` : containerId}: ${problem}`,
    ),
  };
}
