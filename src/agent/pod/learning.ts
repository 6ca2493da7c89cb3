/**
 * How an agent in a pod finds out what its node is in the cluster: asked of the API, remembered for a start without it.
 * Until it knows, it answers its probes: an API server that is away is no reason to be restarted.
 */
import { ApiError, isBusy, isNotFound } from '../../kube/client/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Address, Link } from '../../linux/netlink/route-netlink.ts';
import { formatIp } from '../../net/ip.ts';
import { Backoff } from '../../util/backoff.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { describeError, isError } from '../../util/errors.ts';
import type { Logger } from '../../util/logger.ts';
import type { AgentConfig } from '../config.ts';
import { nodeFacts } from '../node-facts.ts';
import type { StatusServer, StatusSources } from '../status-server.ts';
import { askServers, candidateServers } from './api-servers.ts';
import { type Learned, recall, remember } from './memory.ts';
import { planPodConfig } from './pod-config.ts';
import type { PodSettings } from './settings.ts';

/** What this machine tells, asked again with every try. */
export interface Machine {
  /** Of the kubelet's kubeconfig. */
  kubeletServer: () => Promise<string | undefined>;
  environment: Record<string, string | undefined>;
  interfaces: () => { links: readonly Link[]; addresses: readonly Address[] };
  cgroup: () => string;
}

export interface LearningOptions {
  nodeName: string;
  settings: PodSettings;
  machine: Machine;
  /** A client of one API server, closed when it has answered. */
  connect: (server: string) => Pick<KubeClient, 'get' | 'list'> & { close(): void };
  /** Where what is learned is kept. */
  memory: string;
  objectsDirectory: string;
  /** Where probes ask meanwhile. */
  startStatus: (sources: StatusSources) => Promise<Pick<StatusServer, 'close'>>;
  logger: Logger;
  clock?: Clock;
}

export interface Lesson {
  config: AgentConfig;
  /** The API server to begin with; others are in the configuration. */
  server: string;
}

/** Tries until it knows. */
export async function learn(options: LearningOptions): Promise<Lesson> {
  const { logger, clock = systemClock } = options;
  let reason = 'the agent has not found the API server yet';
  const status = await options.startStatus({
    notReady: () => reason,
    metrics: () => '',
    status: () => ({ ready: false, notReady: reason }),
    services: async () => ({}),
    dnsAnswers: async () => [],
    connections: async () => ({}),
  });
  const backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
  try {
    for (;;) {
      try {
        return await learnOnce(options);
      } catch (error) {
        const told = describeError(error);
        if (told !== reason) logger.warn('cannot learn what this node is in the cluster', { error });
        reason = told;
        await clock.sleep(backoff.next());
      }
    }
  } finally {
    await status.close();
  }
}

async function learnOnce(options: LearningOptions): Promise<Lesson> {
  const { nodeName, settings, machine, memory, logger } = options;
  const known = recall(memory, nodeName);
  const servers = candidateServers({
    told: settings.apiServers ?? [],
    kubelet: await machine.kubeletServer(),
    remembered: known?.server,
    environment: machine.environment,
  });
  try {
    const { server, answer } = await askServers(servers, (each) => ask(each, options));
    const learned: Learned = { nodeName, server, ...answer };
    const lesson = lessonOf(learned, servers, options);
    remember(memory, learned);
    logger.info('learned what this node is in the cluster', { server, uplink: lesson.config.uplink });
    return lesson;
  } catch (error) {
    if (known === undefined || !isAway(error)) throw error;
    logger.warn('no API server answers: starting with what was so at the last start', { error });
    return lessonOf(known, servers, options);
  }
}

function lessonOf(learned: Learned, servers: readonly string[], options: LearningOptions): Lesson {
  const { settings, machine, objectsDirectory } = options;
  const { server } = learned;
  const apiServers = servers.filter((each) => each !== server);
  const situation = { learned, settings, apiServers, objectsDirectory };
  return {
    server,
    config: planPodConfig({ ...situation, ...machine.interfaces(), cgroup: machine.cgroup() }),
  };
}

async function ask(server: string, { nodeName, connect }: LearningOptions) {
  const client = connect(server);
  try {
    const node = await client.get(resources.nodes, { name: nodeName });
    const { items } = await client.list(resources.serviceCidrs).catch((error) => {
      // Before Kubernetes 1.33 there are no such objects.
      if (isNotFound(error)) return { items: [] };
      throw error;
    });
    // That of the API server's flags; others are followed while the agent runs.
    const first = items.find(({ metadata }) => metadata.name === 'kubernetes') ?? items[0];
    const serviceCidrs = [...(first?.spec?.cidrs ?? [])];
    return { internalIps: nodeFacts(node).internalIps.map(formatIp), serviceCidrs };
  } finally {
    client.close();
  }
}

/** As good as not there: an API server without its etcd answers, too. */
function isAway(error: unknown): boolean {
  if (error instanceof ApiError) return isBusy(error) || error.status.code >= 500;
  return isError(error, 'API_UNREACHABLE');
}
