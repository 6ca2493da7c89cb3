/** How Tendril is on a cluster: looked at through the API alone. */
import { agentNamespace, dnsNamespace } from '../deploy/values.ts';
import { isNotFound } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { KubeEvent, Node, Pod } from '../kube/types.ts';
import { podTrouble } from './node-pod.ts';
import { isLinux } from './preflight/cluster-rules.ts';
import { type ClusterView, findNetwork, lookAtCluster, workloadText } from './preflight/cluster-view.ts';
import { readInstallation } from './record.ts';
import { isPodReady, lookAtPods, notReadyReason } from './rollout.ts';

export interface NodeStatus {
  name: string;
  addresses: string[];
  ready: boolean;
  /** Of its pods those that have addresses of the pod network. */
  pods: number;
  /** `in force`, or why not. */
  agent: string;
  dns: string;
  /** Of the agent's container. */
  image: string;
  restarts: number;
}

export interface ClusterStatus {
  /** Of the API server. */
  kubernetes: string;
  /** Of the command that installed it; undefined where a manifest did. */
  installedBy?: string;
  nodes: NodeStatus[];
  problems: string[];
}

export const agentDaemonSet = { namespace: agentNamespace, name: 'tendril-agent' };
export const dnsDaemonSet = { namespace: dnsNamespace, name: 'tendril-dns' };

const inForce = 'in force';
const answers = 'answers';

/** Undefined where Tendril is not on the cluster. */
export async function lookAtStatus(client: KubeClient): Promise<ClusterStatus | undefined> {
  const view = await lookAtCluster(client);
  const [agents, dns] = await Promise.all([podsOf(client, agentDaemonSet), podsOf(client, dnsDaemonSet)]);
  if (agents === undefined && dns === undefined) return undefined;
  const events = (await client.list(resources.events, { namespace: agentNamespace })).items;
  const dnsEvents = (await client.list(resources.events, { namespace: dnsNamespace })).items;
  const linux = view.nodes.filter(isLinux);
  const nodes = await Promise.all(
    linux.map(async (node): Promise<NodeStatus> => {
      const { name } = node.metadata;
      const [agent, server] = [agents?.get(name), dns?.get(name)];
      return {
        ...{ name, addresses: addressesOf(node), ready: isReady(node), pods: podsOn(view, name) },
        agent: await stateOf(client, { pod: agent, events, well: inForce }),
        dns: await stateOf(client, { pod: server, events: dnsEvents, well: answers }),
        image: agent?.spec?.containers[0]?.image ?? '',
        restarts: agent?.status?.containerStatuses?.[0]?.restartCount ?? 0,
      };
    }),
  );
  const installation = await readInstallation(client);
  return {
    kubernetes: view.version,
    ...(installation && { installedBy: installation.version }),
    nodes,
    problems: [...nodes.flatMap(problemsOf), ...besides(view)],
  };
}

async function podsOf(client: KubeClient, key: typeof agentDaemonSet): Promise<Map<string, Pod> | undefined> {
  try {
    return (await lookAtPods(client, key)).pods;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const addressesOf = ({ status }: Node): string[] =>
  (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);

const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;

const podsOn = ({ pods }: ClusterView, node: string): number =>
  pods.filter(({ spec, status }) => {
    const runs = (status?.podIPs?.length ?? 0) > 0 && !['Succeeded', 'Failed'].includes(status?.phase ?? '');
    return spec?.nodeName === node && !spec.hostNetwork && runs;
  }).length;

interface Observed {
  pod: Pod | undefined;
  events: readonly KubeEvent[];
  well: string;
}

async function stateOf(client: KubeClient, { pod, events, well }: Observed): Promise<string> {
  if (pod === undefined) return 'no pod';
  if (isPodReady(pod)) return well;
  const running = pod.status?.containerStatuses?.some(({ state }) => state?.running !== undefined);
  if (running) return `not ready: ${await notReadyReason(client, pod)}`;
  const own = events.filter(({ involvedObject }) => involvedObject.name === pod.metadata.name);
  return podTrouble(pod, own);
}

function problemsOf({ name, ready, agent, dns }: NodeStatus): string[] {
  return [
    ...(ready ? [] : [`node ${name} is not Ready`]),
    ...(agent === inForce ? [] : [`node ${name}: the agent: ${agent}`]),
    ...(dns === answers ? [] : [`node ${name}: cluster DNS: ${dns}`]),
  ];
}

/** Others who do the same work on the same nodes. */
function besides(view: ClusterView): string[] {
  const { kubeProxy, plugins } = findNetwork(view);
  const runs = view.daemonSets.find(
    ({ metadata }) => metadata.name === kubeProxy?.name && metadata.namespace === kubeProxy.namespace,
  );
  return [
    ...(kubeProxy && (runs?.status?.desiredNumberScheduled ?? 0) > 0
      ? [`${workloadText(kubeProxy)} serves Services too: tendril install --replace-kube-proxy`]
      : []),
    ...plugins.map((one) => `${workloadText(one)} is a network plugin beside Tendril: remove it`),
  ];
}
