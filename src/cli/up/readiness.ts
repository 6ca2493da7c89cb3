/** Waits until all pods of a lab are Ready, and says why one is not. */
import { resourcePath, resources } from '../../kube/resources.ts';
import type { Deployment, KubeEvent, Pod } from '../../kube/types.ts';
import type { RawApi } from '../session/raw-api.ts';
import { isReady } from '../session/workload.ts';

export interface Readiness {
  ready: number;
  total: number;
  /** Every workload has all the pods it wants, and each of them is Ready or has finished. */
  done: boolean;
  /** namespace/name of pods that are not. */
  waiting: Pod[];
  /** Workloads that have too few pods. */
  short: string[];
}

interface Workload {
  kind: string;
  metadata: { name: string; namespace?: string; generation?: number };
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    desiredNumberScheduled?: number;
  };
}

/** One look at the cluster. */
export async function checkReadiness(api: RawApi): Promise<Readiness> {
  const list = async <T>(type: Parameters<typeof resourcePath>[0]): Promise<T[]> =>
    ((await api.send({ method: 'GET', path: resourcePath(type) })) as { items: T[] }).items;
  const [pods, deployments, statefulSets, daemonSets] = await Promise.all([
    list<Pod>(resources.pods),
    list<Deployment>(resources.deployments),
    list<Workload>(resources.statefulSets),
    list<Workload>(resources.daemonSets),
  ]);
  const workloads: Workload[] = [
    ...(deployments as Workload[]).map((workload) => ({ ...workload, kind: 'Deployment' })),
    ...statefulSets.map((workload) => ({ ...workload, kind: 'StatefulSet' })),
    ...daemonSets.map((workload) => ({ ...workload, kind: 'DaemonSet' })),
  ];
  return judge(pods, workloads);
}

/** Pure. */
export function judge(pods: readonly Pod[], workloads: readonly Workload[]): Readiness {
  const living = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && pod.status?.phase !== 'Succeeded',
  );
  const waiting = living.filter((pod) => !isReady(pod));
  const short = workloads
    .filter((workload) => !hasItsPods(workload))
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
  return {
    ready: living.length - waiting.length,
    total: living.length,
    done: waiting.length === 0 && short.length === 0,
    waiting,
    short,
  };
}

function hasItsPods({ kind, metadata, spec, status }: Workload): boolean {
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return false;
  if (kind === 'DaemonSet') return status?.desiredNumberScheduled !== undefined;
  return (status?.replicas ?? 0) >= (spec?.replicas ?? 1);
}

/** `namespace/name: reason`, from what its containers wait for, its conditions and its last events. */
export function explainPod(pod: Pod, events: readonly KubeEvent[]): string {
  const { metadata, status } = pod;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const reasons = containers.flatMap(({ name, state, lastState }) => {
    if (state?.waiting?.reason && !['PodInitializing', 'ContainerCreating'].includes(state.waiting.reason)) {
      const last = lastState?.terminated
        ? ` (its last run ended with exit status ${lastState.terminated.exitCode})`
        : '';
      return [
        `container ${name}: ${state.waiting.reason}${state.waiting.message ? `: ${state.waiting.message}` : ''}${last}`,
      ];
    }
    return state?.terminated && state.terminated.exitCode !== 0
      ? [`container ${name} ended with exit status ${state.terminated.exitCode}`]
      : [];
  });
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') reasons.push(`${scheduled.reason}: ${scheduled.message}`);
  const own = events
    .filter(({ involvedObject, type }) => involvedObject.uid === metadata.uid && type === 'Warning')
    .slice(-2);
  reasons.push(...own.map(({ reason, message }) => `${reason}: ${message}`));
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const fallback = unready.length > 0 ? `not ready: ${unready.join(', ')}` : (status?.phase ?? 'Pending');
  return `${metadata.namespace}/${metadata.name}: ${[...new Set(reasons)].join('; ') || fallback}`;
}
