/** Who answers cluster DNS beside Tendril, and how it is relieved without a name failing. Pure. */
import type { ConfigMap, DaemonSet, Deployment, EndpointSlice, Service } from '../kube/types.ts';
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
  /** Of the former servers, in the ConfigMap coredns. */
  corefile: ConfigMap | undefined;
}

export interface DnsReplacement {
  stop: FormerServer[];
  /**
   * The former servers end as soon as they are told to: they are taken out of the Service first. Else they serve on for a
   * while, in which nobody begins to ask them, and what is under way is answered.
   */
  takeOut: boolean;
}

/** Until every node's proxy has surely heard of a change of the Service's endpoints. */
export const spreadMs = 5000;

/** @throws TendrilError NOT_READY for what cannot be relieved */
export function planDnsReplacement(situation: DnsSituation): DnsReplacement {
  const { service, deployments, daemonSets, corefile } = situation;
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
  return {
    stop: stop.filter(({ replicas }) => replicas > 0),
    takeOut: lameDuckMs(corefile?.data?.Corefile ?? '') < spreadMs,
  };
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

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The plugin health's, the shortest of all server blocks; 0 where one has none. CoreDNS takes Go's durations. */
export function lameDuckMs(corefile: string): number {
  const text = corefile.replace(/#.*$/gm, '');
  const found = [...text.matchAll(/^\s*lameduck\s+(\S+)/gm)].map(([, duration]) => durationMs(duration!));
  return found.length === 0 ? 0 : Math.min(...found);
}

function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
}

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
