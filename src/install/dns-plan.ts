/** Who answers cluster DNS beside Tendril, and how it is relieved without a name failing. Pure. */
import type { DaemonSet, Deployment, EndpointSlice, Service } from '../kube/types.ts';
import { TendrilError } from '../util/errors.ts';

export interface FormerServer {
  namespace: string;
  /** Of a Deployment. */
  name: string;
  replicas: number;
}

/** What is recorded, so that it can be given back. */
export interface FoundDns {
  deployments: FormerServer[];
}

/** By which Tendril's own pods are told from others behind the Service. */
export const ownLabel = { key: 'app.kubernetes.io/name', value: 'tendril' } as const;

export interface DnsSituation {
  /** kube-dns; undefined where there is none. */
  service: Service | undefined;
  /** Of its namespace. */
  deployments: readonly Deployment[];
  daemonSets: readonly DaemonSet[];
}

/** Until every node's proxy has surely heard of a change of the Service's endpoints. */
export const spreadMs = 5000;

/** @throws TendrilError NOT_READY for what cannot be relieved */
export function planDnsReplacement({ service, deployments, daemonSets }: DnsSituation): FormerServer[] {
  const serves = (workload: Deployment | DaemonSet) =>
    isSelected(workload, service) && !isOwn(workload.spec?.template?.metadata?.labels);
  const daemon = daemonSets.find(serves);
  if (daemon !== undefined)
    throw new TendrilError(
      'NOT_READY',
      `the DaemonSet ${nameOf(daemon)} answers cluster DNS, which is not scaled`,
      { remedy: 'Delete it once the pods of tendril-dns are Ready.' },
    );
  const stop = deployments.filter(serves).map((deployment) => ({
    namespace: deployment.metadata.namespace ?? '',
    name: deployment.metadata.name,
    replicas: deployment.spec?.replicas ?? 1,
  }));
  return stop.filter(({ replicas }) => replicas > 0);
}

function isSelected({ spec }: Deployment | DaemonSet, service: Service | undefined): boolean {
  const labels = spec?.template?.metadata?.labels ?? {};
  const selector = Object.entries(service?.spec?.selector ?? {}).filter(([key]) => key !== ownLabel.key);
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

function isOwn(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[ownLabel.key] === ownLabel.value;
}

const nameOf = ({ metadata }: DaemonSet) => `${metadata.namespace}/${metadata.name}`;

/** An earlier record stays: what it names has no replicas left to find. */
export function mergeFound(earlier: FoundDns | undefined, stop: readonly FormerServer[]): FoundDns {
  const isNew = ({ namespace, name }: FormerServer) =>
    !stop.some((one) => one.namespace === namespace && one.name === name);
  return { deployments: [...(earlier?.deployments.filter(isNew) ?? []), ...stop] };
}

/** Names of the pods that the Service leads to. */
export function readyServers(slices: readonly EndpointSlice[]): Set<string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  // Absent means ready (EndpointConditions).
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ targetRef }) => targetRef?.name ?? []));
}
