/** `up --external-apiserver`: what the API server says of itself decides what lab can be made of it. */
import { loadKubeconfig } from '../../kube/client/kubeconfig.ts';
import { requireFreeSocket } from '../../lab/external/egress.ts';
import { requireFreeAddresses } from '../../lab/external/kubelet-servers.ts';
import { type ControllerChoice, probeExternal, requireFreeNames } from '../../lab/external/probe.ts';
import type { LabConfig } from '../../lab/topology/lab-config.ts';
import { type LabOptions, planLab } from '../../lab/topology/lab-options.ts';
import { formatCidr, parseCidr } from '../../net/cidr.ts';
import { TendrilError } from '../../util/errors.ts';

export interface ExternalOptions {
  /** $KUBECONFIG or ~/.kube/config when absent. */
  kubeconfig?: string | undefined;
  controllers: ControllerChoice;
  /** Absolute. */
  egressSocket?: string | undefined;
}

/**
 * The lab as it will be. Nothing is made yet, neither here nor there.
 * @throws TendrilError BAD_INPUT, API_UNREACHABLE
 */
export async function planned(options: LabOptions, external?: ExternalOptions): Promise<LabConfig> {
  if (external === undefined) return planLab(options);
  const { egressSocket } = external;
  const endpoint = await loadKubeconfig(external.kubeconfig);
  const { server, serviceCidrs, nodes } = await probeExternal(endpoint, external.controllers);
  requireSameServiceCidrs(options, serviceCidrs);
  requireSameFamilies(options, serviceCidrs);
  const config = planLab({
    ...options,
    serviceCidrs,
    external: { ...server, ...(egressSocket && { egressSocket }) },
  });
  requireFreeNames(
    nodes,
    config.nodes.map(({ name }) => name),
  );
  requireFreeAddresses(config);
  if (egressSocket) requireFreeSocket(egressSocket);
  return config;
}

/** What is given must be what there is. */
function requireSameServiceCidrs({ serviceCidrs: given }: LabOptions, serviceCidrs: string[]): void {
  const sorted = (texts: string[]) =>
    texts
      .map((text) => formatCidr(parseCidr(text)))
      .toSorted()
      .join();
  if (given.length === 0 || sorted(given) === sorted(serviceCidrs)) return;
  throw new TendrilError(
    'BAD_INPUT',
    `the external API server's Service CIDRs are ${serviceCidrs.join(',')}, not ${given.join(',')}`,
    { remedy: 'Leave --service-cidr out: those of the server are used.' },
  );
}

/** The Service addresses are the cluster's; the lab has the families that they have. */
function requireSameFamilies({ ipFamily }: LabOptions, serviceCidrs: string[]): void {
  const families = new Set(serviceCidrs.map((text) => parseCidr(text).ip.family));
  const theirs = families.size === 2 ? 'dual' : families.has(4) ? 'ipv4' : 'ipv6';
  if (theirs === ipFamily) return;
  throw new TendrilError(
    'BAD_INPUT',
    `the external API server's Services are ${theirs} (${serviceCidrs.join(',')}), and the lab would be ${ipFamily}`,
    { remedy: `Use: --ip-family ${theirs}` },
  );
}
