/** Resource types by group, version and plural: what a client needs to form a path. */

import type { KubeObject } from './meta.ts';
import type {
  ConfigMap,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Endpoints,
  IpAddress,
  Job,
  KubeEvent,
  Lease,
  Namespace,
  NetworkPolicy,
  Node,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
  ServiceCidr,
  StatefulSet,
} from './types.ts';

export interface ResourceType<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the type of the objects. */
  readonly _type?: T;
}

function resource<T extends KubeObject>(
  apiVersion: string,
  kind: string,
  plural: string,
  namespaced = true,
): ResourceType<T> {
  const [group, version] = apiVersion.includes('/')
    ? (apiVersion.split('/') as [string, string])
    : ['', apiVersion];
  return { group, version, kind, plural, namespaced };
}

export const resources = {
  namespaces: resource<Namespace>('v1', 'Namespace', 'namespaces', false),
  nodes: resource<Node>('v1', 'Node', 'nodes', false),
  pods: resource<Pod>('v1', 'Pod', 'pods'),
  services: resource<Service>('v1', 'Service', 'services'),
  configMaps: resource<ConfigMap>('v1', 'ConfigMap', 'configmaps'),
  secrets: resource<Secret>('v1', 'Secret', 'secrets'),
  serviceAccounts: resource<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts'),
  endpoints: resource<Endpoints>('v1', 'Endpoints', 'endpoints'),
  events: resource<KubeEvent>('v1', 'Event', 'events'),
  deployments: resource<Deployment>('apps/v1', 'Deployment', 'deployments'),
  replicaSets: resource<ReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets'),
  statefulSets: resource<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets'),
  daemonSets: resource<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets'),
  controllerRevisions: resource<ControllerRevision>('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  endpointSlices: resource<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  ipAddresses: resource<IpAddress>('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', false),
  serviceCidrs: resource<ServiceCidr>('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs', false),
  networkPolicies: resource<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  jobs: resource<Job>('batch/v1', 'Job', 'jobs'),
  cronJobs: resource<CronJob>('batch/v1', 'CronJob', 'cronjobs'),
  podDisruptionBudgets: resource<PodDisruptionBudget>(
    'policy/v1',
    'PodDisruptionBudget',
    'poddisruptionbudgets',
  ),
  leases: resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases'),
} as const;

/** `v1` or `apps/v1`. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** The request path of a collection, of one object, or of its subresource. */
export function resourcePath(
  type: ResourceType,
  at: { namespace?: string; name?: string; subresource?: string } = {},
): string {
  const parts = [type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`];
  if (type.namespaced && at.namespace) parts.push('namespaces', encodeURIComponent(at.namespace));
  parts.push(type.plural);
  if (at.name !== undefined) parts.push(encodeURIComponent(at.name));
  if (at.subresource !== undefined) parts.push(at.subresource);
  return parts.join('/');
}
