/** The cluster's Service CIDRs as the datapath compares addresses with them; see bpf/lib/service-cidr.h. */
import { type Cidr, familyBits } from '../../../net/cidr.ts';
import { type Ip, ipFromBigInt } from '../../../net/ip.ts';
import { TendrilError } from '../../../util/errors.ts';
import { layouts } from './generated/layouts.ts';

/** SERVICE_CIDRS in bpf/shared/service.h. */
const most = 8;

/** @throws TendrilError BAD_INPUT for more than the datapath has room for */
export function encodeServiceCidrs(cidrs: readonly Cidr[]): Uint8Array {
  if (cidrs.length > most) {
    throw new TendrilError('BAD_INPUT', `there are ${cidrs.length} Service CIDRs, and room for ${most}`, {
      remedy: 'join neighbouring ones',
    });
  }
  const blocks = cidrs.map((cidr) => ({ addr: cidr.ip, mask: maskOf(cidr) }));
  return layouts.serviceCidrs.encode({ count: blocks.length, cidrs: blocks });
}

/** Of 16 bytes: an IPv4 address is v4-mapped there, and what precedes it counts too. */
function maskOf({ ip, prefix }: Cidr): Ip {
  const hostBits = BigInt(familyBits(ip.family) - prefix);
  return ipFromBigInt(6, ((1n << 128n) - 1n) ^ ((1n << hostBits) - 1n));
}
