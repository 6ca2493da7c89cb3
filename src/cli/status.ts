/** `tendril status` */
import { join } from 'node:path';
import { lookAtStatus } from '../install/status.ts';
import { resourcePath, resources } from '../kube/resources.ts';
import type { KubeEvent } from '../kube/types.ts';
import type { ExternalStatus, LabStatus } from '../lab/server/control-protocol.ts';
import { labsDirectory, requireLabConfig } from '../lab/topology/lab-state.ts';
import { TendrilError } from '../util/errors.ts';
import { chooseFormat, printJson } from './output/format.ts';
import { formatTable } from './output/table.ts';
import { defineCommand } from './parser/command.ts';
import { clusterOptions, outputOption } from './parser/common-options.ts';
import { type ClusterChoice, isCluster, openCluster } from './session/cluster-session.ts';
import { askControl } from './session/control.ts';
import { openLab } from './session/lab-session.ts';
import { clusterStatusText } from './status/cluster-status.ts';
import { checkReadiness, explainPod } from './up/readiness.ts';

export const status = defineCommand(
  {
    name: 'status',
    summary:
      'Tells whether the lab is well: its nodes, agents, datapath, and what is stood in; or with a kubeconfig or context a cluster. Exit status 1 when something is wrong.',
    usage: ['status [-o json]', 'status --kubeconfig FILE [--context CONTEXT] [-o json]'],
    options: { ...clusterOptions, output: outputOption('json') },
    words: { min: 0, max: 0 },
    examples: [
      'tendril status',
      'tendril status --name test -o json',
      'tendril status --kubeconfig ~/.kube/config',
    ],
  },
  async ({ name, options }) => {
    const format = chooseFormat(options.output, ['json']);
    if (isCluster(options)) return await clusterStatus(options, format === 'json');
    requireLabConfig(name);
    const answer = await askControl<LabStatus>(join(labsDirectory, name, 'control.sock'), '/status');
    answer.problems.push(...(await podProblems(name)));
    if (format) printJson({ name, ...answer });
    else process.stdout.write(statusText(name, answer));
    return answer.problems.length === 0 ? 0 : 1;
  },
);

async function clusterStatus(options: ClusterChoice, json: boolean): Promise<number> {
  using cluster = await openCluster(options);
  const found = await lookAtStatus(cluster.client);
  if (found === undefined)
    throw new TendrilError('NOT_READY', 'Tendril is not on this cluster', { remedy: 'Run: tendril install' });
  if (json) printJson(found);
  else process.stdout.write(clusterStatusText(found));
  return found.problems.length === 0 ? 0 : 1;
}

/** Pods that should be Ready and are not, each with its reason. */
async function podProblems(name: string): Promise<string[]> {
  using lab = await openLab(name);
  const { waiting } = await checkReadiness(lab.api);
  if (waiting.length === 0) return [];
  const { items } = (await lab.api.send({ method: 'GET', path: resourcePath(resources.events) })) as {
    items: KubeEvent[];
  };
  return waiting.map((pod) => `pod ${explainPod(pod, items)}`);
}

function statusText(name: string, { nodes, external, standIns, notEnforced, problems }: LabStatus): string {
  const rows = nodes.map(({ name, ips, ready, pods, agent }) => [
    name,
    ready ? 'Ready' : 'NotReady',
    ips.join(','),
    String(pods),
    agent.alive ? (agent.programmed && agent.upToDate ? 'in force' : 'catching up') : 'down',
    agent.services === undefined ? '-' : String(agent.services),
    agent.services === undefined ? '-' : agent.dnsByServers === undefined ? 'kernel' : 'servers',
    String(agent.restarts),
  ]);
  const parts = [
    `Lab "${name}"\n`,
    formatTable(
      ['NODE', 'STATUS', 'ADDRESSES', 'PODS', 'DATAPATH', 'SERVICES', 'DNS', 'AGENT-RESTARTS'],
      rows,
    ),
  ];
  const reasons = new Set(nodes.flatMap(({ agent }) => agent.dnsByServers ?? []));
  if (reasons.size > 0)
    parts.push(`Cluster DNS is answered by its servers alone:\n${indented([...reasons])}`);
  const questions = nodes.flatMap(({ agent }) => agent.dnsQuestions ?? []);
  const total = (of: (question: (typeof questions)[number]) => number) =>
    questions.reduce((sum, question) => sum + of(question), 0);
  const [byKernel, byServers] = [total((one) => one.byKernel), total((one) => one.byServers)];
  if (byKernel + byServers > 0)
    parts.push(
      `Cluster DNS: ${byKernel} questions of pods were answered in the kernel, ${byServers} by servers.\n`,
    );
  if (external) parts.push(externalText(external));
  if (standIns.length > 0) parts.push('Stood in:\n', standInTable(standIns));
  if (notEnforced.length > 0) parts.push(`Not enforced here:\n${indented(notEnforced)}`);
  parts.push(problems.length > 0 ? `Problems:\n${indented(problems)}` : 'All is well.\n');
  return parts.join('\n');
}

function externalText({ server, version, egressSocket, controllers }: ExternalStatus): string {
  const whose = { lab: 'the lab', cluster: 'the cluster' };
  const rows = controllers.map((controller) => [controller.what, whose[controller.whose]]);
  const way = egressSocket ? `by ${egressSocket}` : 'not at all (--egress-socket)';
  return (
    `API server: ${server}, ${version}, external; it reaches Services and pods ${way}\n` +
    formatTable(['CONTROLLERS', 'RUN BY'], rows)
  );
}

const indented = (lines: readonly string[]): string => lines.map((text) => `  ${text}\n`).join('');

function standInTable(standIns: LabStatus['standIns']): string {
  return formatTable(
    ['IMAGE', 'CONTAINERS', 'WHY'],
    standIns.map(({ image, containers, reason }) => [image, String(containers.length), reason]),
  );
}
