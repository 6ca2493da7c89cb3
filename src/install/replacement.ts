/**
 * What serves a cluster's network beside Tendril goes, once Tendril's agents are in force on every node, and comes back
 * before they leave. Each part on its own, and recorded before it is touched.
 *
 *     go      conflists aside, their pods adopted → kube-proxy away → its rules removed → cluster DNS relieved
 *     back    kube-proxy → cluster DNS → (pods of Tendril's end) → conflists
 */
import type { DeployValues } from '../deploy/values.ts';
import type { KubeClient } from '../kube/client/client.ts';
import type { NodeTaskName } from '../node-tasks/catalogue.ts';
import type { RestoreConflistsReport } from '../node-tasks/restore-conflists.ts';
import { TendrilError } from '../util/errors.ts';
import { replaceDns, restoreDns } from './dns.ts';
import type { FoundDns } from './dns-plan.ts';
import { callBack, sendAway } from './kube-proxy.ts';
import { requireReports, runNodeTask } from './node-pods.ts';
import type { Replacements } from './preflight/cluster-rules.ts';
import { type FoundNetwork, type Workload, workloadText } from './preflight/cluster-view.ts';
import { type Found, readFound, writeFound } from './record.ts';
import type { Teller } from './teller.ts';

export interface ReplacementWork {
  client: KubeClient;
  values: DeployValues;
  nodes: readonly string[];
  teller: Teller;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** @throws TendrilError NOT_READY naming what does not go; to install again goes on from there */
export async function replaceNetwork(
  work: ReplacementWork,
  found: FoundNetwork,
  replace: Replacements,
): Promise<void> {
  if (replace.cni) await adoptPods(work);
  if (replace.kubeProxy) await replaceKubeProxy(work, found);
  if (replace.dns) await replaceClusterDns(work);
}

interface AdoptedReport {
  conflists: { aside: string[] };
  pods: unknown[];
  problems: string[];
}

async function adoptPods(work: ReplacementWork): Promise<void> {
  const { client, teller } = work;
  teller.step("taking over another network's pods");
  const reports = await onNodes<AdoptedReport>(work, 'adopt-pods', { confDirectory: confDirectory(work) });
  const found = await readFound(client);
  const conflists = { ...found.conflists };
  for (const [
    node,
    {
      conflists: { aside },
      pods,
      problems,
    },
  ] of reports) {
    if (aside.length > 0) conflists[node] = [...new Set([...(conflists[node] ?? []), ...aside])];
    teller.note(
      `${node}: ${pods.length} pods of another network go on${aside.length ? `; aside: ${aside.join(', ')}` : ''}`,
    );
    for (const problem of problems) teller.note(`warning: ${node}: ${problem}`);
  }
  await writeFound(client, { ...found, conflists });
}

interface ProxyRulesReport {
  translatedConnections: number;
  natKept: boolean;
  problems: string[];
}

async function replaceKubeProxy(work: ReplacementWork, { kubeProxy }: FoundNetwork): Promise<void> {
  const { client, teller, timeoutMs, signal } = work;
  const found = await readFound(client);
  if (kubeProxy !== undefined) {
    requireSame(found.kubeProxy, kubeProxy);
    await writeFound(client, { ...found, kubeProxy });
    teller.step(`${workloadText(kubeProxy)} goes`);
    await sendAway(client, kubeProxy, { timeoutMs, signal });
    teller.note(`${workloadText(kubeProxy)} is sent away`);
  }
  teller.step('removing rules of kube-proxy’s');
  const reports = await onNodes<ProxyRulesReport>(work, 'remove-kube-proxy-rules', {});
  for (const [node, { translatedConnections, natKept, problems }] of reports) {
    if (natKept)
      teller.note(
        `${node}: ${translatedConnections} connections that kube-proxy translated go on, by an empty chain`,
      );
    for (const problem of problems) teller.note(`warning: ${node}: ${problem}`);
  }
}

/** What was sent away first is to come back, too: nothing is written over it. */
function requireSame(recorded: Workload | undefined, found: Workload): void {
  if (recorded === undefined || workloadText(recorded) === workloadText(found)) return;
  throw new TendrilError(
    'NOT_READY',
    `${workloadText(found)} is a kube-proxy beside ${workloadText(recorded)}, which was sent away before`,
    { remedy: 'Remove it, then install again.' },
  );
}

async function replaceClusterDns({ client, teller, timeoutMs, signal }: ReplacementWork): Promise<void> {
  const before = (await readFound(client)).dns;
  const record = async (dns: FoundDns) => writeFound(client, { ...(await readFound(client)), dns });
  const step = (text: string) => teller.step(text);
  const found = await replaceDns(client, { found: before, record, step, timeoutMs, signal });
  const names = found.deployments.map(({ namespace, name }) => `${namespace}/${name}`);
  if (names.length > 0) teller.note(`cluster DNS is Tendril's; relieved: ${names.join(', ')}`);
}

/** Before Tendril's pods end: Services and names go on being served. @throws TendrilError NOT_READY */
export async function giveServicesBack(work: ReplacementWork, found: Found): Promise<void> {
  const { client, nodes, teller, timeoutMs, signal } = work;
  if (found.kubeProxy !== undefined) {
    teller.step(`${workloadText(found.kubeProxy)} comes back`);
    await callBack(client, found.kubeProxy, { nodes, timeoutMs, signal });
    teller.note(`${workloadText(found.kubeProxy)} is back`);
  }
  if (found.dns !== undefined) {
    await restoreDns(client, found.dns, { step: (text) => teller.step(text), timeoutMs, signal });
    if (found.dns.deployments.length > 0) teller.note('cluster DNS is back');
  }
}

/** When none of Tendril's pods is left: theirs is what the runtime takes when its conflist goes. */
export async function giveConflistsBack(work: ReplacementWork, found: Found): Promise<void> {
  const nodes = work.nodes.filter((node) => (found.conflists[node]?.length ?? 0) > 0);
  if (nodes.length === 0) return;
  const reports = await onNodes<RestoreConflistsReport>({ ...work, nodes }, 'restore-conflists', {
    confDirectory: confDirectory(work),
  });
  for (const [node, { restored }] of reports)
    work.teller.note(`${node}: back: ${restored.join(', ') || 'nothing, all of it is there already'}`);
}

const confDirectory = ({ values }: ReplacementWork): string | undefined =>
  values.agent.cniConfDirectory as string | undefined;

async function onNodes<Report>(
  { client, values, nodes, timeoutMs, signal }: ReplacementWork,
  task: NodeTaskName,
  input: unknown,
): Promise<Map<string, Report>> {
  const run = { task, input, values, nodes, timeoutMs, ...(signal && { signal }) };
  return requireReports(await runNodeTask<Report>(client, run));
}
