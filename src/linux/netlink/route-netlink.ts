/**
 * rtnetlink, the kernel's interface for links, addresses, routes, rules and neighbours (rtnetlink(7)).
 *
 * One RouteNetlink is one socket in one network namespace, for as long as it is open, wherever the thread
 * is by then. Requests are synchronous: a request and its acknowledgement take 5 to 50 µs. Events come
 * through the poller.
 *
 * Contract, shared by the kernel's implementation and the fake:
 *  - `add` throws KernelError EEXIST where the object is there; `ensure` then makes it as asked, or leaves it;
 *  - `delete` of what is not there returns false;
 *  - every error is a KernelError that names the operation, the object and the errno.
 */
import type { Cidr } from '../../net/cidr.ts';
import type { Family, Ip } from '../../net/ip.ts';
import type { Mac } from '../../net/mac.ts';
import type { NetnsHandle } from '../netns/netns.ts';

export interface Link {
  index: number;
  name: string;
  /** IFLA_INFO_KIND (veth, bridge, vxlan, …); '' for loopback and devices without a kind. */
  kind: string;
  mtu: number;
  mac: Mac;
  up: boolean;
  /** Carrier and administrative state together, as IFF_LOWER_UP tells. */
  running: boolean;
  /** Index of the bridge or other master. */
  master?: number;
  /** IFLA_LINK: index of the peer or lower device, in the namespace `peerNetnsId` if that is set. */
  peerIndex?: number;
  peerNetnsId?: number;
  alias?: string;
}

interface LinkCommon {
  name: string;
  mtu?: number;
  mac?: Mac;
  /** Up at once. */
  up?: boolean;
  master?: number;
  alias?: string;
  /** Namespace the device is born in; absent: the socket's own. */
  netns?: NetnsHandle;
}

export type NewLink =
  | (LinkCommon & { kind: 'veth'; peer: Omit<LinkCommon, 'master'> })
  | (LinkCommon & {
      kind: 'bridge' /** Seconds; 0 forwards at once. */;
      forwardDelay?: number;
      multicastSnooping?: boolean;
    })
  | (LinkCommon & { kind: 'dummy' | 'ifb' })
  | (LinkCommon & {
      kind: 'vxlan';
      vni: number;
      port: number;
      local?: Ip;
      learning: boolean;
      /** Collect-metadata device: the tunnel key comes from BPF or from the route. */
      external?: boolean;
    });

export interface LinkChange {
  name?: string;
  up?: boolean;
  mtu?: number;
  mac?: Mac;
  /** 0 takes the link out of its master. */
  master?: number;
  netns?: NetnsHandle;
  alias?: string;
}

export interface Address {
  /** Interface index. */
  link: number;
  ip: Ip;
  prefix: number;
  /** RFC 3549 scope: 0 global, 253 link, 254 host. */
  scope?: number;
  /** Skip duplicate address detection (IFA_F_NODAD); the address can be used at once. */
  noDad?: boolean;
  /** IPv6: still in duplicate address detection (read only). */
  tentative?: boolean;
}

export interface Route {
  family: Family;
  /** Absent: the default route. */
  destination?: Cidr;
  gateway?: Ip;
  /** Outgoing interface index. */
  link?: number;
  /** Preferred source. */
  source?: Ip;
  /** 254 (main) unless given. */
  table?: number;
  metric?: number;
  /** RTN_UNICAST unless given. */
  type?: 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
  /** RT_SCOPE_*: 0 universe, 253 link. Derived from the gateway when absent. */
  scope?: number;
  /** RTPROT_*: who installed it; Tendril's own is `tendrilProtocol`; 3 (boot) unless given. */
  protocol?: number;
  /** RTNH_F_ONLINK: the gateway is reachable on the link though no route says so. */
  onLink?: boolean;
  mtu?: number;
}

/** RTPROT value of Tendril's routes: what it may replace and must remove. */
export const tendrilProtocol = 84;

export interface Rule {
  family: Family;
  priority: number;
  table: number;
  from?: Cidr;
  to?: Cidr;
  mark?: { value: number; mask: number };
  incomingInterface?: string;
}

export interface Neighbour {
  link: number;
  ip: Ip;
  mac?: Mac;
  state: 'permanent' | 'reachable' | 'stale' | 'noarp' | 'incomplete' | 'delay' | 'probe' | 'failed' | 'none';
  /** A proxy entry: answer for this address (NTF_PROXY). */
  proxy?: boolean;
}

export interface RouteNetlink extends Disposable {
  links(): Link[];
  /** By name or index; undefined when there is none. */
  link(which: string | number): Link | undefined;
  /** Returns the new link as the kernel sees it (for a veth, the near end). */
  addLink(link: NewLink): Link;
  setLink(index: number, change: LinkChange): void;
  /** False when there is none. */
  deleteLink(index: number): boolean;
  /**
   * The same beside the event loop: the kernel takes 20 to 40 ms to let go of a veth (it waits for every CPU to
   * have left it). The link is of no use any more from the call on, and gone when it resolves.
   */
  removeLink(index: number): Promise<boolean>;

  addresses(filter?: { link?: number; family?: Family }): Address[];
  ensureAddress(address: Address): void;
  deleteAddress(address: Address): boolean;

  routes(filter?: { table?: number; family?: Family; protocol?: number }): Route[];
  /** NLM_F_REPLACE | NLM_F_CREATE. */
  ensureRoute(route: Route): void;
  deleteRoute(route: Route): boolean;
  /** The kernel's own answer (RTM_GETROUTE); undefined when unreachable. */
  lookupRoute(destination: Ip, options?: { source?: Ip; link?: number }): Route | undefined;

  rules(family: Family): Rule[];
  ensureRule(rule: Rule): void;
  deleteRule(rule: Rule): boolean;

  neighbours(filter?: { link?: number; proxy?: boolean }): Neighbour[];
  ensureNeighbour(neighbour: Neighbour): void;
  deleteNeighbour(neighbour: Neighbour): boolean;

  close(): void;
}

export type RouteEvent =
  | { type: 'link'; deleted: boolean; link: Link }
  | { type: 'address'; deleted: boolean; address: Address }
  | { type: 'route'; deleted: boolean; route: Route }
  | { type: 'neighbour'; deleted: boolean; neighbour: Neighbour }
  /** The kernel dropped events: read the state again. */
  | { type: 'lost' };

/** What to hear of; for both families. */
export type RouteGroup = 'link' | 'address' | 'route' | 'neighbour';

/** Events of a namespace until disposed: `watchRoutes` of the kernel, or the fake's. */
export type WatchRoutes = (
  netns: NetnsHandle | undefined,
  groups: readonly RouteGroup[],
  handler: (event: RouteEvent) => void,
) => Disposable;
