/** The interface that leads to the other nodes, and the node's addresses, as far as they are known. */
import { errno, KernelError } from '../linux/errno.ts';
import type { Link, RouteEvent, RouteNetlink, WatchRoutes } from '../linux/netlink/route-netlink.ts';
import { equalIp, formatIp, type Ip } from '../net/ip.ts';
import type { NodeFacts } from './node-facts.ts';
import { hasIpv6 } from './node-sysctls.ts';

export class Uplink {
  readonly #netlink: RouteNetlink;
  readonly #name: string;
  readonly #ipv6 = hasIpv6();
  #internalIps: readonly Ip[] = [];
  #addresses: readonly Ip[] | undefined;

  constructor(netlink: RouteNetlink, name: string) {
    this.#netlink = netlink;
    this.#name = name;
  }

  link(): Link {
    const link = this.#find();
    if (link !== undefined) return link;
    throw new KernelError(errno.ENODEV, 'find the uplink', this.#name, {
      remedy: 'give the agent the interface that leads to the other nodes',
    });
  }

  /** True when the node's addresses are others than before. */
  setFacts(facts: NodeFacts | undefined): boolean {
    this.#internalIps = facts?.internalIps ?? [];
    return this.refresh();
  }

  /** Reads the addresses again; true when they are others than before, or in another order. */
  refresh(): boolean {
    return this.#update(this.link());
  }

  #update(link: Link): boolean {
    const before = this.#addresses?.map(formatIp).join();
    this.#addresses = this.#readAddresses(link);
    return this.#addresses.map(formatIp).join() !== before;
  }

  /**
   * Follows the interface until disposed. `onChange` is called when it has other addresses than before, and when it
   * comes up: the kernel took the routes by it along when it went down.
   */
  watch(watchRoutes: WatchRoutes, onChange: (change: { addresses: boolean }) => void): Disposable {
    let ran = this.#find()?.running ?? false;
    const watch = watchRoutes(undefined, ['address', 'link'], (event) => {
      if (!this.#concerns(event)) return;
      const link = this.#find();
      const cameUp = !ran && link?.running === true;
      ran = link?.running ?? false;
      // Of one that is gone nothing can be read; what was known of it holds until it is back.
      const addresses = link !== undefined && this.#update(link);
      if (addresses || cameUp || event.type === 'lost') onChange({ addresses });
    });
    // What changed before the watch began.
    const link = this.#find();
    if (link !== undefined && this.#update(link)) onChange({ addresses: true });
    return watch;
  }

  #concerns(event: RouteEvent): boolean {
    if (event.type === 'link') return event.link.name === this.#name;
    return event.type === 'lost' || (event.type === 'address' && event.address.link === this.#find()?.index);
  }

  #find(): Link | undefined {
    return this.#netlink.link(this.#name);
  }

  /** The node's own addresses of global scope on the uplink, those that its Node object names first. */
  addresses(): readonly Ip[] {
    this.#addresses ??= this.#readAddresses(this.link());
    return this.#addresses;
  }

  situation(): { mtu: number; sources: readonly Ip[]; ipv6: boolean } {
    return { mtu: this.link().mtu, sources: this.addresses(), ipv6: this.#ipv6 };
  }

  #readAddresses({ index }: Link): Ip[] {
    const present = this.#netlink
      .addresses({ link: index })
      // No packet may carry an address that is still in duplicate detection (RFC 4862, section 5.4), or failed it.
      .filter(({ scope = 0, tentative }) => scope === 0 && !tentative)
      .map(({ ip }) => ip);
    const isNamed = (ip: Ip) => this.#internalIps.some((internal) => equalIp(internal, ip));
    return [...present.filter(isNamed), ...present.filter((ip) => !isNamed(ip))];
  }
}
