/** Everything that is looked at before a cluster is changed: rights, then the cluster's objects and every node. */
import type { DeployValues } from '../../deploy/values.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { PreflightReport } from '../../node-tasks/preflight/preflight.ts';
import { describeError, remedyOf } from '../../util/errors.ts';
import type { DeployObject } from '../cluster-objects.ts';
import { type NodeTaskResult, runNodeTask } from '../node-pods.ts';
import { type Problem, refuse } from '../problem.ts';
import type { Teller } from '../teller.ts';
import { probeAccess } from './access.ts';
import { isLinux, judgeCluster, type Replacements } from './cluster-rules.ts';
import { type ClusterView, type FoundNetwork, findNetwork, lookAtCluster } from './cluster-view.ts';
import { judgeNodes } from './node-rules.ts';

export interface PreflightOptions {
  values: DeployValues;
  objects: readonly DeployObject[];
  replace: Replacements;
  teller: Teller;
  signal?: AbortSignal;
  timeoutMs: number;
}

export interface Preflight {
  view: ClusterView;
  found: FoundNetwork;
  /** Of the Linux nodes. */
  nodes: string[];
  reports: Map<string, PreflightReport>;
  problems: Problem[];
}

/**
 * What there is, and all that stands against an installation.
 * @throws TendrilError NOT_READY where rights are missing: nothing else can be looked at then
 */
export async function runPreflight(client: KubeClient, options: PreflightOptions): Promise<Preflight> {
  const { values, objects, replace, teller, signal, timeoutMs } = options;
  teller.step('asking the API server what may be done');
  refuse('the cluster cannot be changed', await probeAccess(client, objects));
  teller.step('looking at the cluster');
  const view = await lookAtCluster(client);
  const found = findNetwork(view);
  const { serviceCidrs, cniConfDirectory, cniBinDirectory } = values.agent as {
    serviceCidrs?: string[];
    cniConfDirectory?: string;
    cniBinDirectory?: string;
  };
  const linux = view.nodes.filter(isLinux);
  const reachable = linux.filter(({ status }) =>
    status?.conditions?.every(({ type, status }) => type !== 'Ready' || status !== 'Unknown'),
  );
  const nodes = reachable.map(({ metadata }) => metadata.name);
  teller.step(`looking at ${nodes.length} nodes`);
  const results = await runNodeTask<PreflightReport>(client, {
    ...{ task: 'preflight', values, nodes, timeoutMs, input: { cgroup: values.cgroup } },
    ...(signal && { signal }),
  });
  const reports = new Map(results.flatMap((each) => ('report' in each ? [[each.node, each.report]] : [])));
  return {
    ...{ view, found, reports },
    nodes: linux.map(({ metadata }) => metadata.name),
    problems: [
      ...judgeCluster(view, found, { replace, ...(serviceCidrs && { serviceCidrs }) }),
      ...results.flatMap(failureOf),
      ...judgeNodes(reports, linux, {
        ...{ replace, cgroup: values.cgroup },
        ...(cniConfDirectory && { cniConf: cniConfDirectory }),
        ...(cniBinDirectory && { cniBin: cniBinDirectory }),
      }),
    ],
  };
}

function failureOf(result: NodeTaskResult): Problem[] {
  if (!('error' in result)) return [];
  const remedy = remedyOf(result.error) ?? 'Look at the node, and at kube-system’s events.';
  return [{ what: describeError(result.error), remedy }];
}
