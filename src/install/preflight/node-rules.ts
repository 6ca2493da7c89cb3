/** What the nodes' reports say against an installation. Pure. */
import type { Node } from '../../kube/types.ts';
import type { PreflightReport } from '../../node-tasks/preflight/preflight.ts';
import type { Problem } from '../problem.ts';
import type { Replacements } from './cluster-rules.ts';

export interface NodeRulesOptions {
  replace: Replacements;
  cgroup: string;
  /** As the values have them; the usual ones where they say nothing. */
  cniConf?: string;
  cniBin?: string;
}

export function judgeNodes(
  reports: ReadonlyMap<string, PreflightReport>,
  nodes: readonly Node[],
  options: NodeRulesOptions,
): Problem[] {
  const each = [...reports].flatMap(([name, report]) =>
    judgeReport(report, options).map((problem) => ({ ...problem, what: `${name}: ${problem.what}` })),
  );
  return [...each, ...judgeMtus(reports, nodes)];
}

function judgeReport(report: PreflightReport, options: NodeRulesOptions): Problem[] {
  const { missing, cgroup2, unwritable } = report;
  return [
    ...missing.map(({ feature, minimumKernel, reason, remedy }) => ({
      what: `the kernel ${report.kernel} lacks ${feature} (Linux ${minimumKernel}; ${reason})`,
      remedy: `On the node: ${remedy}.`,
    })),
    ...(cgroup2
      ? []
      : [
          {
            what: `${options.cgroup} is no cgroup2 hierarchy`,
            remedy: 'Tell where it is: --set cgroup=/sys/fs/cgroup/unified beside version 1.',
          },
        ]),
    ...judgeCni(report, options),
    ...judgeOthers(report, options),
    ...unwritable.map((directory) => ({
      what: `${directory} cannot be written to`,
      remedy:
        'Make it writable on the node; where the runtime looks elsewhere, set cniConfDirectory and cniBinDirectory.',
    })),
  ];
}

function judgeCni({ cni, conflists }: PreflightReport, options: NodeRulesOptions): Problem[] {
  const { cniConf = '/etc/cni/net.d', cniBin = '/opt/cni/bin', replace } = options;
  const places = [
    ...(cni.conf === cniConf ? [] : [`cniConfDirectory=${cni.conf}`]),
    ...(cni.bin === cniBin ? [] : [`cniBinDirectory=${cni.bin}`]),
  ];
  return [
    ...(places.length > 0
      ? [
          {
            what: `the container runtime (${cni.toldBy}) looks for CNI plugins elsewhere`,
            remedy: `Tell Tendril: ${places.map((each) => `--set ${each}`).join(' ')}.`,
          },
        ]
      : []),
    ...(replace.cni
      ? []
      : conflists.map(({ file, types }) => ({
          what: `a CNI configuration of another network is there: ${file} (${types.join(', ') || 'no plugin'})`,
          remedy: 'Have Tendril take its place with --replace-cni, or remove it first.',
        }))),
  ];
}

function judgeOthers(report: PreflightReport, { replace }: NodeRulesOptions): Problem[] {
  const { kubeProxyRules, firewalld, removesForeignRoutes } = report;
  return [
    ...(kubeProxyRules.length > 0 && !replace.kubeProxy
      ? [
          {
            what: `rules of kube-proxy's are there: ${kubeProxyRules.join(', ')}`,
            remedy: 'Have them removed with --replace-kube-proxy, or by kube-proxy --cleanup on the node.',
          },
        ]
      : []),
    ...(firewalld
      ? [
          {
            what: 'firewalld runs: its rules drop what passes between pods and nodes',
            remedy:
              'Stop it (systemctl disable --now firewalld), or allow forwarding between all interfaces of Tendril’s.',
            warning: true as const,
          },
        ]
      : []),
    ...(removesForeignRoutes
      ? [
          {
            what: 'systemd-networkd removes routes that it did not make, when it starts or an interface changes',
            remedy:
              'Set ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no in /etc/systemd/networkd.conf.d/.',
            warning: true as const,
          },
        ]
      : []),
  ];
}

/** Packets that one node sends must fit into all others' links. */
function judgeMtus(reports: ReadonlyMap<string, PreflightReport>, nodes: readonly Node[]): Problem[] {
  const mtus = nodes.flatMap(({ metadata, status }) => {
    const internal = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    const links = reports.get(metadata.name)?.links ?? [];
    const mtu = links.find(({ ips }) => internal !== undefined && ips.includes(internal))?.mtu;
    return mtu === undefined ? [] : [{ node: metadata.name, mtu }];
  });
  if (new Set(mtus.map(({ mtu }) => mtu)).size < 2) return [];
  return [
    {
      what: `nodes' uplinks have different MTUs (${mtus.map(({ node, mtu }) => `${node} ${mtu}`).join(', ')})`,
      remedy: 'Give all the same, or see to it that the network between them says "fragmentation needed".',
      warning: true,
    },
  ];
}
