/** What of a cluster is looked at before an installation, and what serves it today, known by what it is. */

import { agentNamespace, dnsNamespace } from '../../deploy/values.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { ResourceType } from '../../kube/resources.ts';
import { resources } from '../../kube/resources.ts';
import type { DaemonSet, Deployment, Node, Pod, PodSpec, Service, ServiceCidr } from '../../kube/types.ts';
import { absent } from '../cluster-objects.ts';

export interface ClusterView {
  /** `v1.36.3` */
  version: string;
  nodes: readonly Node[];
  daemonSets: readonly DaemonSet[];
  deployments: readonly Deployment[];
  /** All of kube-system. */
  services: readonly Service[];
  /** None where the cluster has no such objects. */
  serviceCidrs: readonly ServiceCidr[];
  /** All that there are, of Services of all namespaces. */
  clusterIps: readonly string[];
  pods: readonly Pod[];
}

export async function lookAtCluster(client: KubeClient): Promise<ClusterView> {
  const all = async <T extends { metadata: never }>(type: ResourceType<T & never>) =>
    (await client.list(type)).items;
  const [version, nodes, daemonSets, deployments, services, pods, serviceCidrs] = await Promise.all([
    client.request('GET', '/version') as Promise<{ gitVersion?: string }>,
    all(resources.nodes as never) as Promise<Node[]>,
    all(resources.daemonSets as never) as Promise<DaemonSet[]>,
    all(resources.deployments as never) as Promise<Deployment[]>,
    all(resources.services as never) as Promise<Service[]>,
    all(resources.pods as never) as Promise<Pod[]>,
    // Before Kubernetes 1.33 there are no such objects.
    client.list(resources.serviceCidrs).catch(absent),
  ]);
  return {
    version: version.gitVersion ?? '',
    ...{ nodes, daemonSets, deployments, pods },
    services: services.filter(({ metadata }) => metadata.namespace === 'kube-system'),
    clusterIps: services.flatMap(({ spec }) => spec?.clusterIPs ?? []).filter((ip) => ip !== 'None'),
    serviceCidrs: serviceCidrs?.items ?? [],
  };
}

export interface Workload {
  kind: 'DaemonSet' | 'Deployment';
  namespace: string;
  name: string;
}

export const workloadText = ({ kind, namespace, name }: Workload): string => `${kind} ${namespace}/${name}`;

/** What serves the cluster's network today. */
export interface FoundNetwork {
  kubeProxy?: Workload;
  /** Network plugins: what puts files where the runtime looks for them. */
  plugins: Workload[];
  /** Behind the Service kube-dns. */
  dns?: Workload;
  nodeLocalDns?: Workload;
  /** An earlier Tendril. */
  tendril: boolean;
}

/** Of a node selector that fits no node: a kube-proxy that was sent away has it. */
export const awayLabel = 'tendril.dev/kube-proxy-is-replaced';

const isAway = ({ spec }: DaemonSet): boolean => awayLabel in (spec?.template.spec?.nodeSelector ?? {});

/** One that was sent away, also where no record of it is left. */
export function findSentAway({ daemonSets }: Pick<ClusterView, 'daemonSets'>): Workload | undefined {
  const [away] = daemonSets.filter((one) => isKubeProxy(one) && isAway(one)).map(daemonSet);
  return away;
}

export function findNetwork({ daemonSets, deployments, services }: ClusterView): FoundNetwork {
  const foreign = daemonSets.filter((one) => !isTendril(one));
  const daemons = (is: (spec: PodSpec) => boolean) =>
    foreign.filter(({ spec }) => spec?.template.spec !== undefined && is(spec.template.spec)).map(daemonSet);
  const [kubeProxy] = foreign.filter((one) => isKubeProxy(one) && !isAway(one)).map(daemonSet);
  const [nodeLocalDns] = daemons(isNodeLocalDns);
  const serving = deployments.filter(({ spec }) => spec?.replicas !== 0);
  const dns = [...serving.map(deployment), ...foreign.map(daemonSet)].find((one) =>
    servesDns(one, { daemonSets, deployments, services }),
  );
  return {
    ...(kubeProxy && { kubeProxy }),
    ...(nodeLocalDns && { nodeLocalDns }),
    ...(dns && { dns }),
    plugins: daemons(isNetworkPlugin),
    tendril: daemonSets.some(isTendril),
  };
}

const daemonSet = ({ metadata: { namespace = '', name } }: DaemonSet): Workload => ({
  ...{ kind: 'DaemonSet', namespace, name },
});
const deployment = ({ metadata: { namespace = '', name } }: Deployment): Workload => ({
  ...{ kind: 'Deployment', namespace, name },
});

const isTendril = ({ metadata }: DaemonSet): boolean =>
  metadata.labels?.['app.kubernetes.io/name'] === 'tendril' ||
  (metadata.namespace === agentNamespace && metadata.name === 'tendril-agent');

/**
 * The program, whoever packed it; not a plugin that stands in for it, nor one for Windows. In another namespace than its
 * own it is one where its pods are let onto the node's network: anybody may give an image that name.
 */
function isKubeProxy({ metadata, spec, status }: DaemonSet): boolean {
  const { containers = [], nodeSelector = {}, hostNetwork } = spec?.template.spec ?? {};
  if ((nodeSelector['kubernetes.io/os'] ?? 'linux') !== 'linux') return false;
  const runs = hostNetwork === true && (status?.numberReady ?? 0) > 0;
  if (metadata.namespace !== dnsNamespace && !runs) return false;
  return containers.some(({ image = '', command = [], args = [] }) => {
    const first = [...command, ...args][0] ?? '';
    return /(^|\/)kube-proxy$/.test(first) || /(^|\/)kube-proxy(-\w+)?[:@]/.test(image);
  });
}

const isNodeLocalDns = ({ containers }: PodSpec): boolean =>
  containers.some(({ image = '', command = [] }) =>
    [image, ...command].some((text) => /k8s-dns-node-cache|node-cache|node-local-dns/.test(text)),
  );

function isNetworkPlugin({ volumes = [] }: PodSpec): boolean {
  const paths = volumes.flatMap(({ hostPath }) => (hostPath ? [hostPath.path.replace(/\/+$/, '')] : []));
  return paths.some((path) => /^\/etc\/cni(\/net\.d)?$/.test(path));
}

function servesDns(
  { kind, namespace, name }: Workload,
  { daemonSets, deployments, services }: Pick<ClusterView, 'daemonSets' | 'deployments' | 'services'>,
): boolean {
  const service = services.find(({ metadata }) => metadata.name === 'kube-dns');
  const selector = Object.entries(service?.spec?.selector ?? {});
  const objects: readonly (DaemonSet | Deployment)[] = kind === 'DaemonSet' ? daemonSets : deployments;
  const object = objects.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  const labels = object?.spec?.template.metadata?.labels ?? {};
  return (
    namespace === service?.metadata.namespace &&
    selector.length > 0 &&
    selector.every(([key, value]) => labels[key] === value)
  );
}
