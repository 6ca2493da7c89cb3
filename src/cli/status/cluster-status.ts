/** The text of a cluster's status. */
import type { ClusterStatus } from '../../install/status.ts';
import { formatTable } from '../output/table.ts';

export function clusterStatusText({ kubernetes, installedBy, nodes, problems }: ClusterStatus): string {
  const by = installedBy === undefined ? 'by a manifest' : `by tendril ${installedBy}`;
  const rows = nodes.map(({ name, ready, addresses, pods, agent, dns, image, restarts }) => [
    ...[name, ready ? 'Ready' : 'NotReady', addresses.join(','), String(pods)],
    ...[short(agent), short(dns), image.slice(image.lastIndexOf('/') + 1) || '-', String(restarts)],
  ]);
  const header = ['NODE', 'STATUS', 'ADDRESSES', 'PODS', 'DATAPATH', 'DNS', 'IMAGE', 'AGENT-RESTARTS'];
  return [
    `Kubernetes ${kubernetes}, Tendril installed ${by}\n`,
    formatTable(header, rows),
    problems.length > 0 ? `Problems:\n${problems.map((text) => `  ${text}\n`).join('')}` : 'All is well.\n',
  ].join('\n');
}

/** The whole reason is among the problems. */
const short = (state: string): string => state.split(':')[0]!;
