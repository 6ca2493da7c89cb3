/** Whether a ServiceCIDR may go: no address may be left without one (pkg/controller/servicecidrs). Pure. */
import type { IpAddress, ServiceCidr } from '../../../kube/types.ts';
import { type Cidr, cidrContains, parseCidr } from '../../../net/cidr.ts';
import { parseIp } from '../../../net/ip.ts';

export const isAllocated = ({ metadata }: IpAddress): boolean =>
  metadata.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io';

const blocksOf = ({ spec }: ServiceCidr): Cidr[] => (spec?.cidrs ?? []).map((text) => parseCidr(text));

/** Whether the block holds the other, as a whole. */
function holds(outer: Cidr, inner: Cidr): boolean {
  return outer.ip.family === inner.ip.family && outer.prefix <= inner.prefix && cidrContains(outer, inner.ip);
}

/** Those that have the address in one of their blocks. */
export function holding(address: string, all: readonly ServiceCidr[]): ServiceCidr[] {
  const ip = parseIp(address);
  return all.filter((cidr) =>
    blocksOf(cidr).some((block) => block.ip.family === ip.family && cidrContains(block, ip)),
  );
}

export function mayGo(
  cidr: ServiceCidr,
  { all, addresses }: { all: readonly ServiceCidr[]; addresses: readonly IpAddress[] },
): boolean {
  const others = all.filter(({ metadata }) => metadata.name !== cidr.metadata.name);
  const covered = blocksOf(cidr).every((block) =>
    others.some((other) => blocksOf(other).some((outer) => holds(outer, block))),
  );
  if (covered) return true;
  return !addresses.filter(isAllocated).some(({ metadata }) => {
    const holders = holding(metadata.name, all);
    return holders.length === 1 && holders[0]!.metadata.name === cidr.metadata.name;
  });
}
