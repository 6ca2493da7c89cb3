/** The agent in a DaemonSet's pod: learns its configuration, then runs as everywhere. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHttpClient } from '../../kube/client/http-client.ts';
import type { ApiEndpoint } from '../../kube/client/kubeconfig.ts';
import { cgroupMount } from '../../linux/cgroup/cgroup.ts';
import { openRouteNetlink } from '../../linux/netlink/kernel-route-netlink.ts';
import { useNetSysctlsAt } from '../../linux/sysctl/sysctl.ts';
import { TendrilError } from '../../util/errors.ts';
import { createLogger } from '../../util/logger.ts';
import { runAgent } from '../agent.ts';
import { type StatusSources, startStatusServer } from '../status-server.ts';
import { serverOf } from './api-servers.ts';
import { learn, type Machine } from './learning.ts';
import { podPaths, podStatusPort, usedPlacesPath } from './pod-config.ts';
import { loadPodSettings } from './settings.ts';
import { recordUsedPlaces } from './used-places.ts';

/** As src/deploy/ mounts them. */
const mounted = {
  account: '/var/run/secrets/kubernetes.io/serviceaccount',
  netSysctls: '/host/proc/sys/net',
  kubelet: '/run/kubelet-server/kubelet.conf',
} as const;

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
  const { config, server } = await endedBySignal(() =>
    learn({
      ...{ nodeName, settings, machine, logger, objectsDirectory: options.objectsDirectory },
      ...{ memory: join(podPaths.stateDirectory, 'agent.json'), startStatus },
      connect: (server) => createHttpClient(endpointOf(server), { requestTimeoutMs: 5000 }),
    }),
  );
  writeKubeconfig(server);
  recordUsedPlaces(usedPlacesPath, config);
  mkdirSync(config.bpfDirectory, { recursive: true });
  return await runAgent(config);
}

/** The first process of a container is not ended by a signal that it does not handle. */
async function endedBySignal<T>(work: () => Promise<T>): Promise<T> {
  const end = () => process.exit(0);
  process.once('SIGTERM', end);
  try {
    return await work();
  } finally {
    process.off('SIGTERM', end);
  }
}

const startStatus = (sources: StatusSources) => startStatusServer(podStatusPort, sources);

const machine: Machine = {
  kubeletServer,
  environment: process.env,
  interfaces: () => {
    using netlink = openRouteNetlink();
    return { links: netlink.links(), addresses: netlink.addresses({}) };
  },
  cgroup: cgroupMount,
};

function endpointOf(server: string): ApiEndpoint {
  const { account } = mounted;
  return { server, ca: readFileSync(`${account}/ca.crt`, 'utf8'), tokenFile: `${account}/token` };
}

/** Of the kubelet's kubeconfig, which the pod's first container has read. */
async function kubeletServer(): Promise<string | undefined> {
  return existsSync(mounted.kubelet) ? await serverOf(readFileSync(mounted.kubelet, 'utf8')) : undefined;
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
