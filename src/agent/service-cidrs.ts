/**
 * The blocks that Services' addresses come from: those that the node was told, and those of ServiceCIDR objects, which
 * come and go while the cluster runs. A cluster that has no such objects has what the node was told.
 */
import type { Informers } from '../kube/client/informers.ts';
import type { Store } from '../kube/client/store.ts';
import { resources } from '../kube/resources.ts';
import type { ServiceCidr } from '../kube/types.ts';
import { type Cidr, cidrContains, formatCidr, parseCidr, tryParseCidr } from '../net/cidr.ts';
import type { Logger } from '../util/logger.ts';

/** SERVICE_CIDRS in bpf/shared/service.h: the datapath has room for so many. */
const most = 8;

export class ServiceCidrs {
  readonly #told: readonly Cidr[];
  readonly #store: Store<ServiceCidr>;
  readonly #logger: Logger;
  #current: readonly Cidr[];

  constructor(options: { told: readonly string[]; informers: Informers; logger: Logger }) {
    this.#told = options.told.map((text) => parseCidr(text));
    this.#store = options.informers.store(resources.serviceCidrs);
    this.#logger = options.logger;
    this.#current = this.#told;
  }

  /** None lies in another; the told ones first, and no more than the datapath has room for. */
  list(): readonly Cidr[] {
    return this.#current;
  }

  /** Calls back when they are others than before; the result ends it. */
  onChange(changed: () => void): () => void {
    return this.#store.onChange(() => {
      const before = this.#current.map(formatCidr).join();
      this.#current = this.#read();
      if (this.#current.map(formatCidr).join() !== before) changed();
    });
  }

  #read(): Cidr[] {
    const objects = this.#store.list().toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const named = objects
      .flatMap(({ spec }) => spec?.cidrs ?? [])
      .flatMap((text) => tryParseCidr(text) ?? []);
    const all = withoutNested([...this.#told, ...named]);
    if (all.length > most)
      this.#logger.warn(
        'too many ServiceCIDRs: connections to unused addresses of some are not refused; join neighbouring ones',
        { room: most, left: all.slice(most).map(formatCidr) },
      );
    return all.slice(0, most);
  }
}

function withoutNested(cidrs: readonly Cidr[]): Cidr[] {
  const holds = (outer: Cidr, inner: Cidr) =>
    outer.ip.family === inner.ip.family && outer.prefix <= inner.prefix && cidrContains(outer, inner.ip);
  return cidrs.filter((cidr, i) =>
    cidrs.every((other, j) => i === j || !holds(other, cidr) || (other.prefix === cidr.prefix && i < j)),
  );
}
