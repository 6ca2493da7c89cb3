/**
 * Tendril put on a cluster, or changed there: looked at first, told all at once what is in the way, then step by step, each
 * of which can be taken again. What is to be replaced goes only when Tendril is in force on every node.
 *
 *     preflight → record → objects → every agent in force → what was there replaced → cluster DNS → pods outside counted
 */
import { deployObjects } from '../deploy/manifest.ts';
import type { DeployValues } from '../deploy/values.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { AttachmentsReport } from '../node-tasks/attachments.ts';
import { TendrilError } from '../util/errors.ts';
import { type DeployObject, ensureObject, titleOf } from './cluster-objects.ts';
import { requireReports, runNodeTask } from './node-pods.ts';
import { deletePods, isReplaced, podText, sortPods } from './pods.ts';
import type { Replacements } from './preflight/cluster-rules.ts';
import { lookAtCluster } from './preflight/cluster-view.ts';
import { type Preflight, runPreflight } from './preflight/preflight.ts';
import { grouped, refuse } from './problem.ts';
import { writeInstallation } from './record.ts';
import { replaceNetwork } from './replacement.ts';
import { waitForRollout } from './rollout.ts';
import { agentDaemonSet, type ClusterStatus, dnsDaemonSet, lookAtStatus } from './status.ts';
import type { Teller } from './teller.ts';
import type { Values } from './values.ts';

export interface InstallRequest {
  /** As they were given: what is recorded. */
  given: Values;
  values: DeployValues;
  /** Of this program. */
  version: string;
  replace: Replacements;
  /** Whether pods that run outside Tendril are to be made anew. */
  restartPods: boolean;
  /** For the agents of all nodes. */
  timeoutMs: number;
  teller: Teller;
  signal?: AbortSignal;
}

/** @throws TendrilError NOT_READY telling what is in the way, or which nodes did not become ready and why */
export async function install(client: KubeClient, request: InstallRequest): Promise<ClusterStatus> {
  const { values, replace, teller, signal, timeoutMs } = request;
  const objects = deployObjects(values) as DeployObject[];
  const preflight = await runPreflight(client, {
    ...{ values, objects, replace, teller, timeoutMs },
    ...(signal && { signal }),
  });
  refuse('Tendril cannot be installed yet', preflight.problems);
  for (const { what, remedy } of grouped(preflight.problems)) teller.note(`warning: ${what}. ${remedy}`);
  await applyObjects(client, objects, request);
  await releasePods(client, request, preflight.reports);
  await requireRollout(client, agentDaemonSet, 'agent', request, preflight.nodes);
  await requireRollout(client, dnsDaemonSet, 'cluster DNS', request, preflight.nodes);
  const { nodes, found } = preflight;
  await replaceNetwork({ client, values, nodes, teller, timeoutMs, signal }, found, replace);
  await tellOutside(client, request, nodes);
  const status = await lookAtStatus(client);
  if (status === undefined) throw new TendrilError('NOT_READY', 'somebody has removed Tendril meanwhile');
  return status;
}

/** The namespace first: what is remembered lies in it. */
async function applyObjects(
  client: KubeClient,
  objects: readonly DeployObject[],
  { given, version, teller, signal }: InstallRequest,
): Promise<void> {
  teller.step('applying objects');
  const [namespace, ...rest] = objects;
  const outcomes = [await ensureObject(client, namespace!)];
  await writeInstallation(client, { version, values: given });
  for (const object of rest) {
    signal?.throwIfAborted();
    const outcome = await ensureObject(client, object);
    outcomes.push(outcome);
    if (outcome !== 'unchanged') teller.step(`${titleOf(object)} ${outcome}`);
  }
  const changed = outcomes.filter((outcome) => outcome !== 'unchanged').length;
  teller.note(
    changed === 0
      ? `${objects.length} objects are as they should be`
      : `${changed} of ${objects.length} objects made or changed`,
  );
}

/** Nodes on which an attempt to remove Tendril was ended half-way: no pod would start there. */
async function releasePods(
  client: KubeClient,
  { values, teller, signal }: InstallRequest,
  reports: Preflight['reports'],
): Promise<void> {
  const nodes = [...reports].flatMap(([node, { podsHeld }]) => (podsHeld ? [node] : []));
  if (nodes.length === 0) return;
  teller.step('letting pods start again');
  const run = { values, nodes, ...(signal && { signal }) };
  requireReports(await runNodeTask(client, { ...run, task: 'hold-pods', input: { hold: false } }));
}

async function requireRollout(
  client: KubeClient,
  daemonSet: typeof agentDaemonSet,
  what: string,
  { teller, timeoutMs, signal }: InstallRequest,
  nodes: readonly string[],
): Promise<void> {
  let ready = 0;
  const step = () => teller.step(`${what}: ${ready} of ${nodes.length} nodes`);
  step();
  const behind = await waitForRollout(client, {
    ...{ daemonSet, nodes, timeoutMs, signal },
    onReady: (node) => {
      ready++;
      teller.note(`${node}: ${what} is ready`);
      step();
    },
  });
  if (behind.size === 0) return;
  const reasons = [...behind].map(([node, reason]) => `\n  ${node}: ${reason}`);
  throw new TendrilError(
    'NOT_READY',
    `${what} is not ready within ${timeoutMs / 1000} s on${reasons.join('')}`,
    {
      remedy: `See: kubectl -n ${daemonSet.namespace} logs daemonset/${daemonSet.name}; then install again, it goes on from here.`,
    },
  );
}

/** Pods that another network wired before, or that none did. */
async function tellOutside(
  client: KubeClient,
  request: InstallRequest,
  nodes: readonly string[],
): Promise<void> {
  const { values, restartPods, teller, signal, timeoutMs } = request;
  teller.step('looking for pods that run outside Tendril');
  const results = await runNodeTask<AttachmentsReport>(client, {
    task: 'attachments',
    values,
    nodes,
    ...(signal && { signal }),
  });
  const { pods } = await lookAtCluster(client);
  const { outside } = sortPods(pods, requireReports(results));
  if (outside.length === 0) return;
  const [replaced, bare] = [outside.filter(isReplaced), outside.filter((pod) => !isReplaced(pod))];
  if (!restartPods) {
    teller.note(
      `${outside.length} pods run outside Tendril, as another network wired them: ${namesOf(outside)}`,
    );
    teller.note('  Have them made anew with --restart-pods.');
    return;
  }
  teller.step(`making ${replaced.length} pods anew`);
  const left = await deletePods(client, replaced, { timeoutMs, signal });
  teller.note(`${replaced.length - left.length} pods were made anew`);
  if (left.length > 0) teller.note(`warning: these do not end: ${left.join(', ')}`);
  if (bare.length > 0) teller.note(`These have nobody who makes them anew, and stay: ${namesOf(bare)}`);
}

function namesOf(pods: Parameters<typeof podText>[0][]): string {
  const names = pods.slice(0, 10).map(podText).join(', ');
  return pods.length > 10 ? `${names} and ${pods.length - 10} more` : names;
}
