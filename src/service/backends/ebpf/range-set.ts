/** The source ranges of one port: the same for all of its frontends of a family. */
import type { Cidr } from '../../../net/cidr.ts';
import type { Draft } from './draft.ts';
import { layouts } from './generated/layouts.ts';
import { packed } from './ledger.ts';

const serviceIdBits = 32;
/** Of ::ffff:0:0, which precede an IPv4 address. */
const mappedBits = 96;

export class RangeSet {
  readonly #draft: Draft;
  readonly #serviceId: number;
  readonly #keys = new Set<string>();

  constructor(draft: Draft, serviceId: number) {
    this.#draft = draft;
    this.#serviceId = serviceId;
  }

  /** False where the map has no room for it. */
  add({ ip, prefix }: Cidr): boolean {
    const bits = serviceIdBits + (ip.family === 4 ? mappedBits : 0) + prefix;
    const key = packed(layouts.sourceRangeKey.encode({ prefix: bits, serviceId: this.#serviceId, addr: ip }));
    if (!this.#draft.setRange(key)) return false;
    this.#keys.add(key);
    return true;
  }

  keys(): string[] {
    return [...this.#keys];
  }
}
