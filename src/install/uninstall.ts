/**
 * Tendril taken off a cluster: first what it replaced comes back, then pods that it wired end while it can still unwire
 * them, then its agents go, every node is cleaned and given back, and last its objects. Each step can be taken again.
 *
 *     what was found comes back → new pods held back → wired pods end → agents go → nodes cleaned → objects removed
 */
import { deployObjects } from '../deploy/manifest.ts';
import { agentNamespace, type DeployValues, dnsNamespace } from '../deploy/values.ts';
import { isForbidden } from '../kube/client/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { resources } from '../kube/resources.ts';
import type { DaemonSet, Pod } from '../kube/types.ts';
import type { AttachmentsReport } from '../node-tasks/attachments.ts';
import { TendrilError } from '../util/errors.ts';
import { absent, type DeployObject, removeObject, titleOf, typeOf } from './cluster-objects.ts';
import { requireReports, runNodeTask } from './node-pods.ts';
import { deletePods, isReplaced, podText, sortPods } from './pods.ts';
import { poll } from './poll.ts';
import { probeAccess } from './preflight/access.ts';
import { isLinux } from './preflight/cluster-rules.ts';
import { type ClusterView, findSentAway, lookAtCluster } from './preflight/cluster-view.ts';
import { refuse } from './problem.ts';
import { type Found, readFound } from './record.ts';
import { giveConflistsBack, giveServicesBack } from './replacement.ts';
import { isPodReady, lookAtPods } from './rollout.ts';
import { agentDaemonSet, dnsDaemonSet } from './status.ts';
import type { Teller } from './teller.ts';

export interface UninstallRequest {
  /** Where nothing on the cluster tells better. */
  values: DeployValues;
  /** Also where no agent unwires pods any more: these lose their network. */
  force: boolean;
  timeoutMs: number;
  teller: Teller;
  signal?: AbortSignal;
}

interface Work extends UninstallRequest {
  client: KubeClient;
  nodes: string[];
}

/** False where nothing of it was there. @throws TendrilError NOT_READY telling what does not go, by node */
export async function uninstall(client: KubeClient, request: UninstallRequest): Promise<boolean> {
  const { teller } = request;
  teller.step('looking at the cluster');
  const agent = await client.get(resources.daemonSets, agentDaemonSet).catch((error): undefined => {
    // Told below, with all other rights that are missing.
    if (!isForbidden(error)) return absent(error);
  });
  const values = agent === undefined ? request.values : installedValues(agent, request.values);
  const objects = deployObjects(values) as DeployObject[];
  refuse('the cluster cannot be changed', await probeAccess(client, objects));
  const view = await lookAtCluster(client);
  const linux = view.nodes.filter(isLinux);
  const work: Work = { ...request, client, values, nodes: linux.map(({ metadata }) => metadata.name) };
  const found = { ...foundWithoutRecord(view), ...(await readFound(client)) };
  await giveServicesBack(work, found);
  if (agent !== undefined) await endPods(work);
  await giveConflistsBack(work, found);
  await removeDaemonSets(work);
  await cleanNodes(work);
  await removeConditions(work);
  const removed = await removeObjects(work, objects);
  return agent !== undefined || removed > 0;
}

/** The record goes with its namespace, which somebody may have deleted; what was sent away says so itself. */
function foundWithoutRecord(view: ClusterView): Pick<Found, 'kubeProxy'> {
  const kubeProxy = findSentAway(view);
  return kubeProxy === undefined ? {} : { kubeProxy };
}

/** As the agents that are there have them. */
export function installedValues(agent: DaemonSet, values: DeployValues): DeployValues {
  const spec = agent.spec?.template.spec;
  const cgroup = spec?.volumes?.find(({ name }) => name === 'cgroup')?.hostPath?.path;
  const imagePullSecrets = spec?.imagePullSecrets?.flatMap(({ name }) => name ?? []) ?? [];
  const image = spec?.containers[0]?.image;
  return { ...values, ...(image && { image }), ...(cgroup && { cgroup }), imagePullSecrets };
}

/** On the nodes whose agents can unwire them. */
async function endPods(work: Work): Promise<void> {
  const { client, values, teller, signal, timeoutMs } = work;
  const { pods: agents } = await lookAtPods(client, agentDaemonSet);
  const nodes = work.nodes.filter((node) => isPodReady(agents.get(node)));
  const dark = work.nodes.filter((node) => !nodes.includes(node));
  await requireNoPodsOn(work, dark);
  const onNodes = { values, nodes, ...(signal && { signal }) };
  teller.step('holding new pods back');
  try {
    requireReports(await runNodeTask(client, { ...onNodes, task: 'hold-pods', input: { hold: true } }));
    const wired = await wiredPods(work, nodes);
    const bare = wired.filter((pod) => !isReplaced(pod)).map(podText);
    if (bare.length > 0) teller.note(`Nobody makes these pods anew: ${bare.join(', ')}`);
    teller.step(`${wired.length} pods end`);
    const left = await deletePods(client, wired, { timeoutMs, signal });
    if (left.length > 0) throw stuck(left);
    // Last: where pods do not end the cluster goes on, and with names.
    await removeObject(client, object('DaemonSet', dnsDaemonSet));
    const unwired = await poll({ timeoutMs, signal }, async () => {
      const reports = requireReports(
        await runNodeTask<AttachmentsReport>(client, { ...onNodes, task: 'attachments' }),
      );
      // That of another network is the runtime's to give to that one, too.
      return [...reports.values()].every(({ pods }) => pods.every(({ former }) => former)) ? true : undefined;
    });
    if (!unwired) throw stuck(['the container runtime has not unwired all that ended']);
    teller.note(`${wired.length} pods ended, and are unwired`);
  } catch (error) {
    // The cluster is to go on as it was.
    await letPodsStart(work, nodes);
    throw error;
  }
}

/** Also after Ctrl-C. Where it fails too, as without a network to the API server, that is told beside the first failure. */
async function letPodsStart({ client, values, teller }: Work, nodes: readonly string[]): Promise<void> {
  const run = { values, nodes, task: 'hold-pods', input: { hold: false } } as const;
  const results = await runNodeTask(client, run).catch(() => []);
  const done = new Set(results.flatMap((result) => ('report' in result ? [result.node] : [])));
  const held = nodes.filter((node) => !done.has(node));
  if (held.length > 0)
    teller.note(
      `warning: no new pod starts on ${held.join(', ')} until tendril install or uninstall is run again`,
    );
}

/** Nodes whose agents are not in force. Asked before any pod ends: once agents are gone nobody unwires these. */
async function requireNoPodsOn({ client, force, teller }: Work, dark: readonly string[]): Promise<void> {
  const { pods } = await lookAtCluster(client);
  const nodes = dark.filter((node) => pods.some((pod) => pod.spec?.nodeName === node && hasAddress(pod)));
  if (nodes.length === 0) return;
  const what = `no agent unwires the pods on ${nodes.join(', ')}`;
  if (force) return teller.note(`warning: ${what}`);
  throw new TendrilError('NOT_READY', what, {
    remedy: 'See why: tendril status. Or take Tendril off with --force: these pods lose their network.',
  });
}

function hasAddress({ spec, status }: Pod): boolean {
  const ended = ['Succeeded', 'Failed'].includes(status?.phase ?? '');
  return !spec?.hostNetwork && !ended && (status?.podIPs?.length ?? 0) > 0;
}

function stuck(what: readonly string[]): TendrilError {
  return new TendrilError('NOT_READY', `pods do not end: ${what.join(', ')}`, {
    remedy:
      'See what holds them (finalizers, a kubelet that is away), or delete them by force; then uninstall again.',
  });
}

async function wiredPods({ client, values, signal }: Work, nodes: readonly string[]) {
  const results = await runNodeTask<AttachmentsReport>(client, {
    task: 'attachments',
    values,
    nodes,
    ...(signal && { signal }),
  });
  const { pods } = await lookAtCluster(client);
  return sortPods(pods, requireReports(results)).wired.filter((pod) => !isDnsServer(pod));
}

/** Of Tendril's: they end with their DaemonSet, which would make them anew. */
function isDnsServer({ metadata: { namespace, labels = {} } }: Pod): boolean {
  return (
    namespace === dnsNamespace &&
    labels['app.kubernetes.io/name'] === 'tendril' &&
    labels['app.kubernetes.io/component'] === 'dns'
  );
}

const object = (kind: string, metadata: { namespace?: string; name: string }) => ({
  apiVersion: kind === 'DaemonSet' ? 'apps/v1' : 'v1',
  ...{ kind, metadata },
});

async function removeDaemonSets({ client, teller, timeoutMs, signal }: Work): Promise<void> {
  teller.step('the agents go');
  for (const key of [dnsDaemonSet, agentDaemonSet]) await removeObject(client, object('DaemonSet', key));
  const selector = (component: string) =>
    `app.kubernetes.io/name=tendril,app.kubernetes.io/component=${component}`;
  let left: string[] = [];
  const gone = await poll({ timeoutMs, signal }, async () => {
    const lists = [
      await client.list(resources.pods, { namespace: agentNamespace, labelSelector: selector('agent') }),
      await client.list(resources.pods, { namespace: dnsNamespace, labelSelector: selector('dns') }),
    ];
    left = lists.flatMap(({ items }) => items.map(podText));
    return left.length === 0 ? true : undefined;
  });
  if (!gone) throw stuck(left);
}

/** Agents said that the network is there; a node without one has no such condition from them. */
async function removeConditions({ client, nodes }: Work): Promise<void> {
  for (const name of nodes) {
    const node = await client.get(resources.nodes, { name }).catch(absent);
    const own = node?.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
    if (own?.reason !== 'TendrilIsUp') continue;
    const body = { status: { conditions: [{ $patch: 'delete', type: 'NetworkUnavailable' }] } };
    const type = 'application/strategic-merge-patch+json' as const;
    await client.patch(resources.nodes, { name }, { type, body, subresource: 'status' }).catch(absent);
  }
}

async function cleanNodes({ client, values, nodes, force, teller, timeoutMs, signal }: Work): Promise<void> {
  teller.step(`cleaning ${nodes.length} nodes`);
  const results = await runNodeTask(client, {
    ...{ task: 'remove-tendril', values, nodes, timeoutMs, input: { force } },
    ...(signal && { signal }),
    onNode: (node, result) => teller.note(`${node}: ${'error' in result ? 'is not clean yet' : 'clean'}`),
  });
  requireReports(results);
}

/** How many there were. The namespace last: what is remembered lies in it. */
async function removeObjects(work: Work, objects: readonly DeployObject[]): Promise<number> {
  const { client, teller, timeoutMs, signal } = work;
  teller.step('removing objects');
  let removed = 0;
  for (const each of [...(await madeByDns(client)), ...objects.toReversed()]) {
    if (await removeObject(client, each)) {
      removed++;
      teller.step(`${titleOf(each)} removed`);
    }
  }
  const namespace = objects.find(({ kind }) => kind === 'Namespace')!;
  const type = typeOf(namespace);
  const key = { name: agentNamespace };
  const gone = await poll({ timeoutMs, signal }, async () =>
    (await client.get(type, key).catch(absent)) === undefined ? true : undefined,
  );
  if (!gone) throw stuck([`the namespace ${agentNamespace}: see its conditions`]);
  teller.note(`${removed} objects removed`);
  return removed;
}

/** Cluster DNS made them where there were none. */
async function madeByDns(client: KubeClient): Promise<DeployObject[]> {
  const wanted = [
    { type: resources.services, kind: 'Service', name: 'kube-dns' },
    { type: resources.configMaps, kind: 'ConfigMap', name: 'coredns' },
  ];
  const found = wanted.map(async ({ type, kind, name }) => {
    const key = { namespace: dnsNamespace, name };
    const present = await client.get(type as typeof resources.configMaps, key).catch(absent);
    const made = present?.metadata.labels?.['app.kubernetes.io/managed-by'] === 'tendril';
    return made ? [object(kind, key) as DeployObject] : [];
  });
  return (await Promise.all(found)).flat();
}
