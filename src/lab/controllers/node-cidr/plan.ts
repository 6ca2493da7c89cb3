/** Pod CIDRs of nodes: a /24 and a /64 of the cluster's, as kube-controller-manager's node IPAM gives them. Pure. */
import { type Cidr, cidrContains, familyBits, formatCidr, parseCidr, subnet } from '../../../net/cidr.ts';
import { ipToBigInt } from '../../../net/ip.ts';
import { TendrilError } from '../../../util/errors.ts';

/** Prefix lengths of a node's share. */
const nodePrefix = { 4: 24, 6: 64 } as const;

/** Hands out the subnets of one cluster CIDR, lowest first. */
export class CidrSet {
  readonly #cluster: Cidr;
  readonly #prefix: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(clusterCidr: string) {
    this.#cluster = parseCidr(clusterCidr);
    this.#prefix = Math.max(nodePrefix[this.#cluster.ip.family], this.#cluster.prefix);
    this.#size = 2 ** Math.min(this.#prefix - this.#cluster.prefix, 30);
  }

  /** Marks a node's CIDR as taken; one that is not of this cluster CIDR is left alone. */
  occupy(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index !== undefined) this.#taken.add(index);
  }

  release(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index === undefined) return;
    this.#taken.delete(index);
    this.#next = Math.min(this.#next, index);
  }

  /** Throws IPAM_EXHAUSTED. */
  allocate(): string {
    while (this.#next < this.#size && this.#taken.has(this.#next)) this.#next++;
    if (this.#next >= this.#size) {
      throw new TendrilError(
        'IPAM_EXHAUSTED',
        `no /${this.#prefix} is left in ${formatCidr(this.#cluster)} for a node`,
        {
          remedy: 'Give the cluster a larger pod CIDR.',
        },
      );
    }
    this.#taken.add(this.#next);
    return formatCidr(subnet(this.#cluster, this.#prefix, this.#next++));
  }

  #indexOf(text: string): number | undefined {
    const cidr = parseCidr(text);
    if (cidr.ip.family !== this.#cluster.ip.family || !cidrContains(this.#cluster, cidr.ip)) return undefined;
    const hostBits = BigInt(familyBits(cidr.ip.family) - this.#prefix);
    return Number((ipToBigInt(cidr.ip) - ipToBigInt(this.#cluster.ip)) >> hostBits);
  }
}
