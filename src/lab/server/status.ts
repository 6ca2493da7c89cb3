/** How a lab is, from what its parts say of themselves. */
import type { Store } from '../../kube/client/store.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../kube/types.ts';
import type { Controller } from '../../linux/cgroup/hierarchies.ts';
import type { MissingController } from '../../linux/cgroup/limited-cgroups.ts';
import type { ControllerGroup } from '../controllers/controllers.ts';
import { resolveImage } from '../images/image-table.ts';
import type { LabConfig, LabPaths } from '../topology/lab-config.ts';
import { type AgentReport, fetchAgentReport } from './agent-report.ts';
import type { Agents } from './agents.ts';
import type { LabStatus, NodeStatus, StandIn } from './control-protocol.ts';
import { externalStatus } from './whose.ts';

export interface StatusSources {
  config: LabConfig;
  paths: LabPaths;
  agents: Agents;
  launcher: { readonly isGone: boolean };
  missingControllers: readonly MissingController[];
  /** Of the lab's controllers, where others have their own. */
  labRuns?: ReadonlySet<ControllerGroup> | undefined;
  stores: { nodes: Store<Node>; pods: Store<Pod>; services: Store<Service>; slices: Store<EndpointSlice> };
}

export async function labStatus(sources: StatusSources): Promise<LabStatus> {
  const reports = await Promise.all(sources.config.nodes.map(({ name }) => report(sources, name)));
  const wanted = newestVersion(sources);
  const nodes = sources.config.nodes.map(({ name, ips }, i) =>
    nodeStatus(sources, { name, ips, report: reports[i]!, wanted }),
  );
  return {
    nodes,
    notEnforced: notEnforced(sources.missingControllers),
    standIns: standInsOf(sources.stores.pods.list(), sources.config.program),
    ...(sources.config.external && {
      external: externalStatus(sources.config.external, sources.labRuns ?? new Set()),
    }),
    problems: [...(sources.launcher.isGone ? [launcherGone(sources.config.name)] : []), ...problemsOf(nodes)],
  };
}

function launcherGone(lab: string): string {
  return `the launcher has died, and every container with it; take the lab down and bring it up again: tendril down --name ${lab} (what --state keeps comes back)`;
}

const limitsOf: Record<Controller, string> = {
  memory: 'limits of memory',
  pids: 'the number of processes of a pod',
  cpu: 'limits of CPU',
};

/** A sentence for each kind of limit that this machine has no means for. Pure. */
export function notEnforced(missing: readonly MissingController[]): string[] {
  return missing.map(({ controller, reason }) => `${limitsOf[controller]}: ${reason}`);
}

type Reported = AgentReport | { error: string };

async function report({ paths, config }: StatusSources, node: string): Promise<Reported> {
  const { ips } = config.nodes.find(({ name }) => name === node)!;
  try {
    return await fetchAgentReport(paths.node(node).netns, ips[0]!);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function nodeStatus(
  sources: StatusSources,
  { name, ips, report, wanted }: { name: string; ips: string[]; report: Reported; wanted: bigint },
): NodeStatus {
  const conditions = sources.stores.nodes.get(name)?.status?.conditions ?? [];
  // Its kubelet may not have said so yet.
  const ready =
    !sources.launcher.isGone && conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  const pods = sources.stores.pods.list().filter(({ spec }) => spec?.nodeName === name).length;
  const { alive, restarts } = sources.agents.state(name);
  const failed = 'error' in report;
  return {
    name,
    ips,
    ready,
    pods,
    agent: {
      alive,
      restarts,
      programmed: !failed && report.programmed,
      upToDate: missingOf(name, report, wanted).length === 0,
      services: failed ? undefined : report.services,
      ...(failed ? {} : { dnsByServers: report.dnsByServers, dnsQuestions: report.dnsQuestions }),
      error: failed ? report.error : report.lastError,
      ...(!failed && report.policyProblem !== undefined && { policyProblem: report.policyProblem }),
    },
  };
}

/** A sentence for each thing that is wrong. Pure. */
export function problemsOf(nodes: readonly NodeStatus[]): string[] {
  return nodes.flatMap(({ name, ready, agent }) => [
    ...(ready ? [] : [`node ${name} is not Ready`]),
    ...(agent.alive ? [] : [`the agent of ${name} is down`]),
    ...(agent.error ? [`the agent of ${name}: ${agent.error}`] : []),
    ...(agent.programmed || agent.error ? [] : [`the datapath of ${name} is not complete`]),
    ...(agent.policyProblem ? [`NetworkPolicies are not in force on ${name}: ${agent.policyProblem}`] : []),
  ]);
}

/** Images of the cluster's containers that do not run here, each with its containers. Pure. */
export function standInsOf(pods: readonly Pod[], program: string): StandIn[] {
  const byImage = new Map<string, StandIn>();
  for (const { metadata, spec } of pods) {
    for (const { image = '', name, command, args } of [
      ...(spec?.initContainers ?? []),
      ...(spec?.containers ?? []),
    ]) {
      const { standIn, reason } = resolveImage(image, { command, args }, { program });
      if (!standIn) continue;
      const entry = byImage.get(image) ?? { image, reason, containers: [] };
      entry.containers.push(`${metadata.namespace}/${metadata.name}/${name}`);
      byImage.set(image, entry);
    }
  }
  return [...byImage.values()].sort((a, b) => a.image.localeCompare(b.image));
}

const pollMs = 20;

/** Resolves when every agent has the present Services in force, or after the time, with what is missing. */
export async function waitUntilProgrammed(
  sources: StatusSources,
  timeoutMs: number,
): Promise<{ missing: string[] }> {
  const deadline = performance.now() + timeoutMs;
  const wanted = newestVersion(sources);
  for (;;) {
    const names = sources.config.nodes.map(({ name }) => name);
    const reports = await Promise.all(names.map((name) => report(sources, name)));
    const missing = names.flatMap((name, i) => missingOf(name, reports[i]!, wanted));
    if (missing.length === 0 || performance.now() > deadline) return { missing };
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function missingOf(name: string, report: Reported, wanted: bigint): string[] {
  if ('error' in report) return [`the agent of ${name} does not answer: ${report.error}`];
  if (!report.programmed) return [`the datapath of ${name} is not complete`];
  return report.revision !== undefined && BigInt(report.revision) < wanted
    ? [`${name} has not caught up with the Services`]
    : [];
}

/** The newest resourceVersion of Services and EndpointSlices: what agents must have seen. */
function newestVersion({ stores }: StatusSources): bigint {
  const versions = [...stores.services.list(), ...stores.slices.list()].map(({ metadata }) =>
    BigInt(metadata.resourceVersion),
  );
  return versions.reduce((newest, version) => (version > newest ? version : newest), 0n);
}
