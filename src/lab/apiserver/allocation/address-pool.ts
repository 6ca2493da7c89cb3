/** Addresses of one block of a ServiceCIDR, given one after the other so that a freed one rests (KEP-3070, KEP-1880). */
import { type Cidr, cidrContains, cidrSize, formatCidr, nthIp, parseCidr } from '../../../net/cidr.ts';
import { formatIp, type Ip } from '../../../net/ip.ts';
import type { IpFamily } from './cluster-ip-fields.ts';

/** The lowest addresses are left to those who ask for one (KEP-3070). */
function staticBand(size: bigint): bigint {
  const share = size / 16n;
  const band = share < 16n ? 16n : share > 256n ? 256n : share;
  return band >= size - 2n ? 0n : band;
}

/** One number after the other, from where the last one was given. */
export class Cursor {
  #next: bigint;
  readonly #first: bigint;
  readonly #last: bigint;

  constructor(first: bigint, last: bigint, start: bigint) {
    this.#first = first;
    this.#last = last;
    this.#next = start;
  }

  take(isTaken: (value: bigint) => boolean): bigint | undefined {
    const count = this.#last - this.#first + 1n;
    for (let tried = 0n; tried < count; tried++) {
      const value = this.#next;
      this.#next = value >= this.#last ? this.#first : value + 1n;
      if (!isTaken(value)) return value;
    }
    return undefined;
  }
}

export class AddressPool {
  readonly cidr: Cidr;
  readonly family: IpFamily;
  readonly #cursor: Cursor;

  constructor(text: string) {
    this.cidr = parseCidr(text);
    this.family = this.cidr.ip.family === 4 ? 'IPv4' : 'IPv6';
    const size = cidrSize(this.cidr);
    // The last address of an IPv4 block is its broadcast address, the first of either names the block.
    const last = this.family === 'IPv4' ? size - 2n : size - 1n;
    this.#cursor = new Cursor(1n, last, 1n + staticBand(size));
  }

  contains(ip: Ip): boolean {
    return ip.family === this.cidr.ip.family && cidrContains(this.cidr, ip);
  }

  /** Whether it may be given: it neither names the block nor is its broadcast address. */
  canGive(ip: Ip): boolean {
    const text = formatIp(ip);
    const size = cidrSize(this.cidr);
    const kept = [
      formatIp(this.cidr.ip),
      ...(this.family === 'IPv4' ? [formatIp(nthIp(this.cidr, size - 1n))] : []),
    ];
    return this.contains(ip) && !kept.includes(text);
  }

  /** A free address; undefined where there is none. */
  take(isTaken: (ip: string) => boolean): string | undefined {
    const index = this.#cursor.take((n) => isTaken(formatIp(nthIp(this.cidr, n))));
    return index === undefined ? undefined : formatIp(nthIp(this.cidr, index));
  }

  toString(): string {
    return formatCidr(this.cidr);
  }
}
