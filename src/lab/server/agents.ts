/** Keeps one agent running on each node, as a DaemonSet would: one that dies is started again. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../../agent/config.ts';
import { Backoff } from '../../util/backoff.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';

/** Of every agent, in its node's namespace. */
export const agentStatusPort = 9353;

const restartBackoff = { initialMs: 200, maxMs: 3_000 };
/** An agent that ran this long begins with a short delay again. */
const settledMs = 10_000;

export interface AgentsOptions {
  config: LabConfig;
  paths: LabPaths;
  launcher: Launcher;
  logger: Logger;
  /** Told of each death and each start after one, for Events on the node. */
  onChange?: (node: string, change: AgentChange) => void;
  clock?: Clock;
}

export type AgentChange = { type: 'died'; code: number } | { type: 'restarted'; restarts: number };

export interface AgentState {
  alive: boolean;
  restarts: number;
}

export interface Agents {
  /** Resolves when the agent's process runs. */
  start(node: string): Promise<void>;
  state(node: string): AgentState;
  stop(): void;
}

/** A small heap: an agent holds what its node needs, and as many run as there are nodes. */
const nodeFlags = [
  '--max-semi-space-size=2',
  '--max-old-space-size=96',
  '--disable-warning=ExperimentalWarning',
];

/**
 * A lab's nodes share one machine and serve few Services: under 3 MB of maps a node, where the defaults, made for a
 * large cluster, take 45.
 */
const mapSizes = {
  frontends: 16_384,
  slots: 32_768,
  backends: 16_384,
  conntrack: 32_768,
  endpoints: 1024,
  direct_returns: 4096,
  cluster_nodes: 1024,
  peers: 4096,
  flows: 4096,
  affinities: 1024,
  fragments: 1024,
  stack_flows: 1024,
  drop_events: 65_536,
  policy_pods: 2048,
  policy_peers: 16_384,
  policy_blocks: 4096,
  policy_rules: 65_536,
  policy_flows: 16_384,
};

export function createAgents({
  config,
  paths,
  launcher,
  logger,
  onChange,
  clock = systemClock,
}: AgentsOptions): Agents {
  const states = new Map<string, AgentState & { backoff: Backoff; startedAt: number }>();
  let stopped = false;

  const start = async (node: string): Promise<void> => {
    const known = states.get(node) ?? {
      alive: false,
      restarts: 0,
      backoff: new Backoff(restartBackoff),
      startedAt: 0,
    };
    states.set(node, known);
    // Before it runs: its exit may be told before its start.
    known.alive = true;
    known.startedAt = clock.monotonic();
    try {
      await launcher.start(agentProcess(node, config, paths));
    } catch (error) {
      known.alive = false;
      throw error;
    }
  };

  const restart = (node: string): void => {
    const state = states.get(node)!;
    if (clock.monotonic() - state.startedAt > settledMs) state.backoff.reset();
    clock.after(state.backoff.next(), () => {
      if (stopped) return;
      state.restarts++;
      start(node).then(
        () => onChange?.(node, { type: 'restarted', restarts: state.restarts }),
        (error) => {
          logger.error('agent cannot be started', { node, error });
          restart(node);
        },
      );
    });
  };

  launcher.onExit(({ id, code }) => {
    const node = id.startsWith('agent/') ? id.slice('agent/'.length) : undefined;
    const state = node === undefined ? undefined : states.get(node);
    if (node === undefined || state === undefined || stopped) return;
    state.alive = false;
    logger.warn('agent died', { node, code });
    onChange?.(node, { type: 'died', code });
    restart(node);
  });

  return {
    start,
    state: (node) => states.get(node) ?? { alive: false, restarts: 0 },
    stop: () => {
      stopped = true;
    },
  };
}

function agentProcess(node: string, config: LabConfig, paths: LabPaths): Parameters<Launcher['start']>[0] {
  const at = paths.node(node);
  return {
    id: `agent/${node}`,
    argv: [
      process.execPath,
      ...nodeFlags,
      join(config.program, 'dist', 'main.js'),
      'agent',
      '--config',
      at.agentConfig,
    ],
    env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', TENDRIL_LAB: config.name },
    cgroup: join(at.cgroup, 'agent'),
    netns: at.netns,
    log: join(paths.logs, `agent-${node}.log`),
  };
}

/** Makes a node's directories and writes its agent's configuration. */
export function prepareAgent(node: string, config: LabConfig, paths: LabPaths, kubeconfig: string): void {
  const at = paths.node(node);
  mkdirSync(dirname(at.root), { recursive: true, mode: 0o700 });
  for (const directory of [
    at.root,
    at.cniConf,
    at.cniBin,
    at.cniCache,
    at.state,
    at.bpf,
    at.pods,
    at.hostPath,
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  writeFileSync(at.kubeconfig, kubeconfig, { mode: 0o600 });
  const agent: AgentConfig = {
    nodeName: node,
    kubeconfig: at.kubeconfig,
    stateDirectory: at.state,
    bpfDirectory: at.bpf,
    objectsDirectory: join(config.program, 'dist', 'bpf'),
    cgroup: at.cgroup,
    uplink: 'eth0',
    ...(config.xdp && { xdp: config.xdp }),
    serviceCidrs: config.serviceCidrs,
    clusterPodCidrs: config.podCidrs,
    cniSocket: at.cniSocket,
    cniConfDirectory: at.cniConf,
    cniBinDirectory: at.cniBin,
    statusPort: agentStatusPort,
    mapSizes,
  };
  writeFileSync(at.agentConfig, JSON.stringify(agent, null, 2));
}
