/** The interface that leads to the other nodes, and the node's addresses, as far as they are known. */
import { errno, KernelError } from '../linux/errno.ts';
import type { Link, RouteNetlink } from '../linux/netlink/route-netlink.ts';
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
    const link = this.#netlink.link(this.#name);
    if (link !== undefined) return link;
    throw new KernelError(errno.ENODEV, 'find the uplink', this.#name, {
      remedy: 'give the agent the interface that leads to the other nodes',
    });
  }

  /** True when the node's addresses are others than before. */
  setFacts(facts: NodeFacts | undefined): boolean {
    const before = this.#addresses?.map(formatIp).join();
    this.#internalIps = facts?.internalIps ?? [];
    this.#addresses = undefined;
    return this.addresses().map(formatIp).join() !== before;
  }

  /** The node's own addresses of global scope on the uplink, those that its Node object names first. */
  addresses(): readonly Ip[] {
    this.#addresses ??= this.#readAddresses();
    return this.#addresses;
  }

  situation(): { mtu: number; sources: readonly Ip[]; ipv6: boolean } {
    return { mtu: this.link().mtu, sources: this.addresses(), ipv6: this.#ipv6 };
  }

  #readAddresses(): Ip[] {
    const present = this.#netlink
      .addresses({ link: this.link().index })
      .filter(({ scope = 0 }) => scope === 0)
      .map(({ ip }) => ip);
    const isNamed = (ip: Ip) => this.#internalIps.some((internal) => equalIp(internal, ip));
    return [...present.filter(isNamed), ...present.filter((ip) => !isNamed(ip))];
  }
}
