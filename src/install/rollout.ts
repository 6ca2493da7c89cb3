/** Follows a DaemonSet of Tendril's onto its nodes, and tells of each that is not there yet why. */
import type { KubeClient, ObjectKey } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { DaemonSet, KubeEvent, Pod } from '../kube/types.ts';
import { describeError } from '../util/errors.ts';
import { podTrouble } from './node-pod.ts';
import { poll, type Waiting } from './poll.ts';

export interface Rollout extends Waiting {
  daemonSet: ObjectKey & { namespace: string };
  /** Whose pods are waited for. */
  nodes: readonly string[];
  /** Hears of each node once, when its pod of the current template is Ready. */
  onReady?: (node: string) => void;
}

/** By node why its pod is not Ready; empty where all are. @throws TendrilError CANCELLED */
export async function waitForRollout(client: KubeClient, rollout: Rollout): Promise<Map<string, string>> {
  const told = new Set<string>();
  let last: Look | undefined;
  await poll(rollout, async () => {
    last = await lookAtPods(client, rollout.daemonSet);
    const waiting = rollout.nodes.filter((node) => !isCurrent(last!.pods.get(node), last!.object));
    for (const node of rollout.nodes) {
      if (told.has(node) || waiting.includes(node)) continue;
      told.add(node);
      rollout.onReady?.(node);
    }
    return waiting.length === 0 ? true : undefined;
  });
  const behind = rollout.nodes.filter((node) => !told.has(node));
  if (behind.length === 0 || last === undefined)
    return new Map(behind.map((node) => [node, 'nothing is known']));
  const events = await eventsOf(client, rollout.daemonSet.namespace);
  const { object, pods } = last;
  const reasons = behind.map(
    async (node) => [node, await reasonOf(client, { object, pod: pods.get(node), events })] as const,
  );
  return new Map(await Promise.all(reasons));
}

interface Look {
  object: DaemonSet;
  /** By node, the newest; none that is being deleted. */
  pods: Map<string, Pod>;
  /** Nodes with one that is being deleted: its containers may still run. */
  ending: string[];
}

export async function lookAtPods(client: KubeClient, key: Rollout['daemonSet']): Promise<Look> {
  const object: DaemonSet = await client.get(resources.daemonSets, key);
  const labelSelector = Object.entries(object.spec?.selector.matchLabels ?? {})
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const { items } = await client.list(resources.pods, { namespace: key.namespace, labelSelector });
  const living = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  living.sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
  const ending = items.filter((pod) => !living.includes(pod)).map(nodeOf);
  return { object, pods: new Map(living.map((pod) => [nodeOf(pod), pod])), ending };
}

const nodeOf = ({ spec }: Pod): string => spec?.nodeName ?? '';

export const isPodReady = (pod: Pod | undefined): boolean =>
  pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

/** Of the newest template: the DaemonSet's controller numbers them. */
function isCurrent(pod: Pod | undefined, { metadata, status }: DaemonSet): boolean {
  const wanted = metadata.annotations?.['deprecated.daemonset.template.generation'];
  const has = pod?.metadata.labels?.['pod-template-generation'];
  const seen = status?.observedGeneration === metadata.generation;
  return seen && isPodReady(pod) && (wanted === undefined || has === undefined || has === wanted);
}

interface Behind {
  object: DaemonSet;
  pod: Pod | undefined;
  events: readonly KubeEvent[];
}

async function reasonOf(client: KubeClient, { object, pod, events }: Behind): Promise<string> {
  if (pod === undefined) {
    const trouble = events.findLast(
      ({ involvedObject, type }) => type === 'Warning' && involvedObject.name === object.metadata.name,
    );
    return trouble === undefined ? 'it has no pod' : `it has no pod: ${trouble.message}`;
  }
  const running = pod.status?.containerStatuses?.some(({ state }) => state?.running !== undefined);
  if (running && !isPodReady(pod)) return await notReadyReason(client, pod);
  if (running) return 'it waits for its turn';
  const own = events.filter(({ involvedObject }) => involvedObject.name === pod.metadata.name);
  return podTrouble(pod, own);
}

/** What the pod itself says, through the API server. */
export async function notReadyReason(client: KubeClient, { metadata, spec }: Pod): Promise<string> {
  const { readinessProbe, ports = [] } = spec?.containers[0] ?? {};
  const { port = ports[0]?.containerPort, path = '/' } = readinessProbe?.httpGet ?? {};
  const { namespace = '', name } = metadata;
  try {
    await client.request('GET', `/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy${path}`);
    return 'it has just become ready';
  } catch (error) {
    return describeError(error);
  }
}

async function eventsOf(client: KubeClient, namespace: string): Promise<KubeEvent[]> {
  return (await client.list(resources.events, { namespace })).items;
}
