/**
 * The agent in a DaemonSet's pod: learns its configuration, then runs as everywhere. Until it has it, which needs the API
 * once in a node's life, it answers its probes: an API server that is away is no reason to be restarted.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isNotFound } from '../../kube/client/api-error.ts';
import { createHttpClient } from '../../kube/client/http-client.ts';
import type { ApiEndpoint } from '../../kube/client/kubeconfig.ts';
import { resources } from '../../kube/resources.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { useNetSysctlsAt } from '../../linux/sysctl/sysctl.ts';
import { Backoff } from '../../util/backoff.ts';
import { systemClock } from '../../util/clock.ts';
import { describeError, isError, TendrilError } from '../../util/errors.ts';
import { createLogger, type Logger } from '../../util/logger.ts';
import { runAgent } from '../agent.ts';
import type { AgentConfig } from '../config.ts';
import { startStatusServer } from '../status-server.ts';
import { askServers, candidateServers } from './api-servers.ts';
import { recall, remember } from './memory.ts';
import { planPodConfig, podPaths, podStatusPort } from './pod-config.ts';
import { loadPodSettings, type PodSettings } from './settings.ts';

/** As src/deploy/ mounts them. */
const mounted = {
  account: '/var/run/secrets/kubernetes.io/serviceaccount',
  netSysctls: '/host/proc/sys/net',
  kubelet: '/host/etc/kubernetes/kubelet.conf',
} as const;
const learnedPath = join(podPaths.stateDirectory, 'agent.json');

export interface PodAgentOptions {
  /** NODE_NAME, by the downward API. */
  nodeName: string | undefined;
  /** Of the settings, a JSON file. */
  settings?: string;
  objectsDirectory: string;
}

/**
 * Runs until SIGTERM; gives the exit status.
 * @throws TendrilError for settings that cannot be used
 */
export async function runAgentInPod(options: PodAgentOptions): Promise<number> {
  const { nodeName } = options;
  if (!nodeName)
    throw new TendrilError('USAGE', 'NODE_NAME is not set', {
      remedy: 'Set it from spec.nodeName by the downward API, as deploy/tendril.yaml does.',
    });
  const logger = createLogger({ fields: { node: nodeName } });
  const settings = loadPodSettings(options.settings);
  if (existsSync(mounted.netSysctls)) useNetSysctlsAt(mounted.netSysctls);
  const config = await learn({ ...options, nodeName, logger, values: settings });
  mkdirSync(config.bpfDirectory, { recursive: true });
  return await runAgent(config);
}

interface Learning extends PodAgentOptions {
  nodeName: string;
  values: PodSettings;
  logger: Logger;
}

async function learn(learning: Learning): Promise<AgentConfig> {
  const { logger } = learning;
  let reason = 'the agent has not found the API server yet';
  const end = () => process.exit(0);
  // The first process of a container is not ended by a signal that it does not handle.
  process.once('SIGTERM', end);
  const status = await startStatusServer(podStatusPort, {
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
        return await learnOnce(learning);
      } catch (error) {
        const told = describeError(error);
        if (told !== reason) logger.warn('cannot learn what this node is in the cluster', { error });
        reason = told;
        await systemClock.sleep(backoff.next());
      }
    }
  } finally {
    process.off('SIGTERM', end);
    await status.close();
  }
}

async function learnOnce(learning: Learning): Promise<AgentConfig> {
  const { nodeName, values, logger, objectsDirectory } = learning;
  const known = recall(learnedPath);
  const servers = candidateServers({
    told: values.apiServers ?? [],
    kubelet: await kubeletServer(),
    remembered: known?.server,
    environment: process.env,
  });
  try {
    const { server, answer } = await askServers(servers, (each) => askServer(each, nodeName));
    using netlink = openRouteNetlink();
    const config = planPodConfig({
      ...answer,
      ...{ settings: values, objectsDirectory, cgroup: cgroupMount() },
      links: netlink.links(),
      addresses: netlink.addresses({}),
    });
    writeKubeconfig(server);
    remember(learnedPath, { server, config });
    logger.info('learned what this node is in the cluster', { server, uplink: config.uplink });
    return config;
  } catch (error) {
    if (known === undefined || !isError(error, 'API_UNREACHABLE')) throw error;
    logger.warn('no API server answers: starting with what was so at the last start', { error });
    writeKubeconfig(known.server);
    return known.config;
  }
}

function endpointOf(server: string): ApiEndpoint {
  const { account } = mounted;
  return { server, ca: readFileSync(`${account}/ca.crt`, 'utf8'), tokenFile: `${account}/token` };
}

async function askServer(server: string, nodeName: string) {
  const client = createHttpClient(endpointOf(server), { requestTimeoutMs: 5000 });
  try {
    const node = await client.get(resources.nodes, { name: nodeName });
    const { items } = await client.list(resources.serviceCidrs).catch((error) => {
      // Before Kubernetes 1.33 there are no such objects.
      if (isNotFound(error)) return { items: [] };
      throw error;
    });
    return { node, serviceCidrs: items };
  } finally {
    client.close();
  }
}

/** Where kubeadm puts the kubelet's kubeconfig; only the address is taken of it. */
async function kubeletServer(): Promise<string | undefined> {
  if (!existsSync(mounted.kubelet)) return undefined;
  const text = readFileSync(mounted.kubelet, 'utf8');
  const { clusters } = (
    text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('../../util/yaml.ts')).parse(text)
  ) as { clusters?: { cluster?: { server?: string } }[] };
  return clusters?.[0]?.cluster?.server;
}

/** For this agent, and for `tendril` run in its pod. */
function writeKubeconfig(server: string): void {
  const { account } = mounted;
  const name = 'in-cluster';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority': `${account}/ca.crt` } }],
    users: [{ name, user: { tokenFile: `${account}/token` } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  mkdirSync(dirname(podPaths.kubeconfig), { recursive: true });
  writeFileSync(podPaths.kubeconfig, JSON.stringify(kubeconfig), { mode: 0o600 });
}
