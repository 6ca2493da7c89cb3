/** Whether a cluster's objects are as after `tendril up`: pods Ready, and every Service's endpoints told. Pure. */
import type { KubeObject } from '../../../src/kube/meta.ts';
import type { EndpointSlice, Pod, Service } from '../../../src/kube/types.ts';
import { selects } from '../../../src/lab/images/stand-in.ts';

interface Workload extends KubeObject {
  spec: { replicas?: number };
  status?: {
    observedGeneration?: number;
    readyReplicas?: number;
    desiredNumberScheduled?: number;
    numberReady?: number;
  };
}

const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** What is still missing, a line each. */
export function missing(objects: readonly KubeObject[]): string[] {
  const of = <T>(...kinds: string[]): T[] =>
    objects.filter(({ kind }) => kinds.includes(kind!)) as unknown[] as T[];
  const pods = of<Pod>('Pod');
  return [
    ...of<Workload>(...workloadKinds).flatMap(missingReplicas),
    ...pods.filter((pod) => !isReady(pod) && !hasEnded(pod)).map(podText),
    ...of<Service>('Service').flatMap((service) => {
      const wanted = readyPods(service, pods).length * (service.spec?.ipFamilies?.length ?? 1);
      const told = readyEndpoints(service, of<EndpointSlice>('EndpointSlice'));
      return told < wanted ? [`Service ${service.metadata.name}: ${told} of ${wanted} endpoints`] : [];
    }),
  ];
}

function missingReplicas({ kind, metadata, spec, status = {} }: Workload): string[] {
  const isSeen = status.observedGeneration === (metadata as { generation?: number }).generation;
  const wanted = status.desiredNumberScheduled ?? spec.replicas ?? 1;
  const ready = status.readyReplicas ?? status.numberReady ?? 0;
  return isSeen && ready === wanted ? [] : [`${kind} ${metadata.name}: ${ready} of ${wanted} ready`];
}

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

const hasEnded = ({ status }: Pod): boolean => ['Succeeded', 'Failed'].includes(status?.phase ?? '');

function podText({ metadata, status }: Pod): string {
  const reasons = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.waiting?.reason ?? []);
  return `pod ${metadata.namespace}/${metadata.name}: ${[status?.phase, ...reasons].join(', ')}`;
}

export const readyPods = (service: Service, pods: readonly Pod[]): Pod[] =>
  pods.filter((pod) => selects(service, pod) && isReady(pod));

function readyEndpoints({ metadata }: Service, slices: readonly EndpointSlice[]): number {
  const own = slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name,
  );
  return own
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false).length;
}
