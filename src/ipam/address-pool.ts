/**
 * The addresses of one CIDR: which are taken, which rest after they were freed, which comes next. Next-fit:
 * the search starts behind the address handed out last, so that an address comes back as late as possible and
 * a stale entry elsewhere (DNS cache, connection, neighbour) does not meet a new pod. In memory only.
 */
import { type Cidr, cidrContains, cidrSize, formatCidr } from '../net/cidr.ts';
import { type Ip, ipFromBigInt, ipToBigInt } from '../net/ip.ts';
import { TendrilError } from '../util/errors.ts';

export interface PoolUsage {
  cidr: string;
  /** Addresses that can be handed out at all. */
  size: bigint;
  used: number;
  /** Freed less than the rest time ago. */
  resting: number;
}

const farEnough = 32_768n;

export class AddressPool {
  readonly cidr: Cidr;
  readonly #first: bigint;
  readonly #size: bigint;
  readonly #restMs: number;
  /** By offset from the first usable address. */
  readonly #used = new Set<bigint>();
  readonly #freedAt = new Map<bigint, number>();
  #next = 0n;

  /** `restMs`: how long a freed address is kept back. */
  constructor(cidr: Cidr, options: { restMs: number }) {
    this.cidr = cidr;
    const { skipFirst, skipLast } = reservedEnds(cidr);
    this.#first = ipToBigInt(cidr.ip) + skipFirst;
    this.#size = cidrSize(cidr) - skipFirst - skipLast;
    this.#restMs = options.restMs;
  }

  contains(ip: Ip): boolean {
    return cidrContains(this.cidr, ip);
  }

  /**
   * Takes the next free address. `now` in ms, of the same clock as release's. `isTaken` is asked about each that the pool
   * would give: somebody else may have it.
   * @throws TendrilError IPAM_EXHAUSTED naming the block, its size and how much of it is in use
   */
  take(now: number, isTaken: (ip: Ip) => boolean = () => false): Ip {
    this.#wake(now);
    let others = 0;
    let offset = this.#next;
    while (BigInt(this.#used.size + this.#freedAt.size + others) < this.#size) {
      while (this.#used.has(offset) || this.#freedAt.has(offset)) offset = (offset + 1n) % this.#size;
      const ip = ipFromBigInt(this.cidr.ip.family, this.#first + offset);
      if (!isTaken(ip)) {
        this.#used.add(offset);
        this.#next = (offset + 1n) % this.#size;
        return ip;
      }
      others++;
      offset = (offset + 1n) % this.#size;
    }
    throw this.#exhausted();
  }

  /** Later takes begin far from those so far: another allocator of the same block goes on where it was. */
  skipAhead(): void {
    const half = this.#size / 2n;
    this.#next = (this.#next + (half < farEnough ? half : farEnough)) % this.#size;
  }

  /** Marks an address as taken, when the store is read back; later takes continue behind it. */
  restore(ip: Ip): void {
    const offset = this.#offsetOf(ip);
    if (offset === undefined) return;
    this.#used.add(offset);
    this.#freedAt.delete(offset);
    this.#next = (offset + 1n) % this.#size;
  }

  release(ip: Ip, now: number): void {
    const offset = this.#offsetOf(ip);
    if (offset !== undefined && this.#used.delete(offset)) this.#freedAt.set(offset, now);
  }

  /** Takes an address back that nobody has seen: it needs no rest. */
  untake(ip: Ip): void {
    const offset = this.#offsetOf(ip);
    if (offset !== undefined) this.#used.delete(offset);
  }

  usage(now: number): PoolUsage {
    this.#wake(now);
    return {
      cidr: formatCidr(this.cidr),
      size: this.#size,
      used: this.#used.size,
      resting: this.#freedAt.size,
    };
  }

  #offsetOf(ip: Ip): bigint | undefined {
    if (!this.contains(ip)) return undefined;
    const offset = ipToBigInt(ip) - this.#first;
    return offset >= 0n && offset < this.#size ? offset : undefined;
  }

  /**
   * The map is in the order of the releases, so the search ends at the first that still rests. A release in
   * the future means that the clock was set back: such an address does not wait for it to catch up.
   */
  #wake(now: number): void {
    for (const [offset, freedAt] of this.#freedAt) {
      if (freedAt <= now && now - freedAt < this.#restMs) return;
      this.#freedAt.delete(offset);
    }
  }

  #exhausted(): TendrilError {
    const [cidr, size] = [formatCidr(this.cidr), this.#size];
    const [used, resting] = [this.#used.size, this.#freedAt.size];
    const rest = resting > 0 ? `, ${resting} freed less than ${this.#restMs / 1000} s ago` : '';
    return new TendrilError(
      'IPAM_EXHAUSTED',
      `no address is left in ${cidr}: ${used} of ${size} in use${rest}`,
      {
        remedy: 'remove pods from the node or give it a larger pod CIDR',
      },
    );
  }
}

/**
 * The block's first address names the network (IPv4) or is the subnet-router anycast address (IPv6, RFC 4291
 * section 2.6.1); IPv4's last is the directed broadcast. A block of one or two addresses has neither (RFC 3021).
 */
function reservedEnds(cidr: Cidr): { skipFirst: bigint; skipLast: bigint } {
  if (cidrSize(cidr) <= 2n) return { skipFirst: 0n, skipLast: 0n };
  return { skipFirst: 1n, skipLast: cidr.ip.family === 4 ? 1n : 0n };
}
