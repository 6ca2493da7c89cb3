/** RouteNetlink by the kernel. One object is one socket; what a message looks like is the codecs' business. */
import { type Family, formatIp, type Ip } from '../../net/ip.ts';
import { errno, isErrno, KernelError } from '../errno.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import * as addresses from './address.ts';
import { AsideRequests } from './aside-requests.ts';
import * as links from './link.ts';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from './message.ts';
import * as neighbours from './neighbour.ts';
import * as routes from './route.ts';
import type {
  Address,
  Link,
  LinkChange,
  Neighbour,
  NewLink,
  Route,
  RouteNetlink,
  Rule,
} from './route-netlink.ts';
import * as rules from './rule.ts';
import { NetlinkSocket, type Request } from './socket.ts';

/** In the namespace, or in the thread's own. @throws KernelError */
export function openRouteNetlink(netns?: NetnsHandle): RouteNetlink {
  return new KernelRouteNetlink(netns);
}

const ensure = NLM_F_CREATE | NLM_F_REPLACE;
const families: readonly Family[] = [4, 6];

/** Answers of the kernel that mean: no way there. EINVAL is that of a blackhole, EACCES of a prohibition. */
const unreachable: readonly number[] = [
  errno.ENETUNREACH,
  errno.EHOSTUNREACH,
  errno.EACCES,
  errno.EINVAL,
  errno.EAGAIN,
  errno.ENETDOWN,
];

class KernelRouteNetlink implements RouteNetlink {
  readonly #socket: NetlinkSocket;
  readonly #aside: AsideRequests;

  constructor(netns?: NetnsHandle) {
    this.#socket = new NetlinkSocket(netns);
    this.#aside = new AsideRequests(this.#socket);
  }

  links(): Link[] {
    const request = {
      type: links.RTM_GETLINK,
      payload: links.encodeLinkQuery(),
      operation: 'list links',
      object: '',
    };
    return this.#socket.dump(request, links.decodeLink);
  }

  link(which: string | number): Link | undefined {
    const payload = links.encodeLinkQuery(which);
    const request = { type: links.RTM_GETLINK, payload, operation: 'get link', object: String(which) };
    const answer = this.#orMissing([errno.ENODEV], () => this.#socket.request(request));
    return answer && links.decodeLink(answer.payload);
  }

  addLink(link: NewLink): Link {
    const object = links.describeNewLink(link);
    const what = { operation: 'add link', object, flags: NLM_F_CREATE | NLM_F_EXCL };
    try {
      this.#change(links.RTM_NEWLINK, links.encodeNewLink(link), what);
    } catch (error) {
      throw isErrno(error, errno.EOPNOTSUPP) ? missingKind(link, error) : error;
    }
    // A veth's peer cannot be up at birth: it is configured before it is tied to the other end (ENOTCONN).
    if (link.kind === 'veth' && (link.peer.up || link.peer.alias !== undefined)) {
      this.#finishIn(link.peer.netns, link.peer, { up: link.peer.up, alias: link.peer.alias });
    }
    return this.#finishIn(link.netns, link, { alias: link.alias });
  }

  #finishIn(netns: NetnsHandle | undefined, link: { name: string }, rest: LinkChange): Link {
    if (netns === undefined) return this.#finish(link, rest);
    using there = new KernelRouteNetlink(netns);
    return there.#finish(link, rest);
  }

  /** Asks for what a link cannot be born with, and looks at the outcome. */
  #finish({ name }: { name: string }, rest: LinkChange): Link {
    const change = Object.values(rest).some((value) => value !== undefined);
    if (change)
      this.#change(links.RTM_NEWLINK, links.encodeLinkChange(name, rest), {
        operation: 'set up new link',
        object: name,
      });
    const made = this.link(name);
    if (made === undefined) throw new KernelError(errno.ENODEV, 'find new link', name);
    return made;
  }

  setLink(index: number, change: LinkChange): void {
    const payload = links.encodeLinkChange(index, change);
    this.#change(links.RTM_NEWLINK, payload, { operation: 'change link', object: String(index), flags: 0 });
  }

  deleteLink(index: number): boolean {
    const payload = links.encodeLinkDeletion(index);
    return this.#delete(links.RTM_DELLINK, payload, { operation: 'delete link', object: String(index) });
  }

  async removeLink(index: number): Promise<boolean> {
    const what = { operation: 'remove link', object: String(index) };
    try {
      await this.#aside.request({
        type: links.RTM_DELLINK,
        payload: links.encodeLinkDeletion(index),
        ...what,
      });
      return true;
    } catch (error) {
      if (isErrno(error, errno.ENODEV)) return false;
      throw error;
    }
  }

  addresses(filter: { link?: number; family?: Family } = {}): Address[] {
    const payload = addresses.encodeAddressFilter(filter);
    const request = { type: addresses.RTM_GETADDR, payload, operation: 'list addresses', object: '' };
    // With a link that does not exist the kernel says ENODEV; no link has no addresses.
    const found =
      this.#orMissing([errno.ENODEV], () => this.#socket.dump(request, addresses.decodeAddress)) ?? [];
    return found.filter(
      ({ link, ip }) => (filter.link ?? link) === link && (filter.family ?? ip.family) === ip.family,
    );
  }

  ensureAddress(address: Address): void {
    const what = { operation: 'add address', object: addresses.describeAddress(address), flags: ensure };
    this.#change(addresses.RTM_NEWADDR, addresses.encodeAddress(address), what);
  }

  deleteAddress(address: Address): boolean {
    const what = { operation: 'delete address', object: addresses.describeAddress(address) };
    return this.#delete(addresses.RTM_DELADDR, addresses.encodeAddress(address), what);
  }

  routes(filter: { table?: number; family?: Family; protocol?: number } = {}): Route[] {
    const { table, protocol } = filter;
    const wanted = filter.family === undefined ? families : [filter.family];
    const found = wanted.flatMap((family) => {
      const payload = routes.encodeRouteFilter({ family, table, protocol });
      const request = {
        type: routes.RTM_GETROUTE,
        payload,
        operation: 'list routes',
        object: `IPv${family}`,
      };
      // A table that does not exist is an error to the kernel, and empty to us.
      return this.#orMissing([errno.ENOENT], () => this.#socket.dump(request, routes.decodeRoute)) ?? [];
    });
    return found.filter((r) => (table ?? r.table) === r.table && (protocol ?? r.protocol) === r.protocol);
  }

  ensureRoute(route: Route): void {
    const what = { operation: 'set route', object: routes.describeRoute(route), flags: ensure };
    this.#change(routes.RTM_NEWROUTE, routes.encodeRoute(route), what);
  }

  deleteRoute(route: Route): boolean {
    const what = { operation: 'delete route', object: routes.describeRoute(route) };
    return this.#delete(routes.RTM_DELROUTE, routes.encodeRouteDeletion(route), what);
  }

  lookupRoute(destination: Ip, options: { source?: Ip; link?: number } = {}): Route | undefined {
    const payload = routes.encodeLookup(destination, options);
    const request = {
      type: routes.RTM_GETROUTE,
      payload,
      operation: 'look up route to',
      object: formatIp(destination),
    };
    try {
      return routes.decodeRoute(this.#socket.request(request)!.payload);
    } catch (error) {
      // With a reason the request itself was wrong.
      if (isErrno(error, ...unreachable) && error.reason === undefined) return undefined;
      throw error;
    }
  }

  rules(family: Family): Rule[] {
    const payload = rules.encodeRuleFilter(family);
    const request = { type: rules.RTM_GETRULE, payload, operation: 'list rules', object: `IPv${family}` };
    return this.#socket.dump(request, rules.decodeRule);
  }

  ensureRule(rule: Rule): void {
    const what = {
      operation: 'add rule',
      object: rules.describeRule(rule),
      flags: NLM_F_CREATE | NLM_F_EXCL,
    };
    // Rules have no identity but their content: EEXIST is the rule as asked for.
    this.#orMissing([errno.EEXIST], () => this.#change(rules.RTM_NEWRULE, rules.encodeRule(rule), what));
  }

  deleteRule(rule: Rule): boolean {
    const what = { operation: 'delete rule', object: rules.describeRule(rule) };
    return this.#delete(rules.RTM_DELRULE, rules.encodeRule(rule), what);
  }

  neighbours(filter: { link?: number; proxy?: boolean } = {}): Neighbour[] {
    const kinds = filter.proxy === undefined ? [false, true] : [filter.proxy];
    const found = kinds.flatMap((proxy) => {
      const payload = neighbours.encodeNeighbourFilter({ proxy });
      const request = { type: neighbours.RTM_GETNEIGH, payload, operation: 'list neighbours', object: '' };
      return this.#socket.dump(request, neighbours.decodeNeighbour);
    });
    return found.filter(({ link }) => (filter.link ?? link) === link);
  }

  ensureNeighbour(neighbour: Neighbour): void {
    const what = {
      operation: 'set neighbour',
      object: neighbours.describeNeighbour(neighbour),
      flags: ensure,
    };
    this.#change(neighbours.RTM_NEWNEIGH, neighbours.encodeNeighbour(neighbour), what);
  }

  deleteNeighbour(neighbour: Neighbour): boolean {
    const what = { operation: 'delete neighbour', object: neighbours.describeNeighbour(neighbour) };
    return this.#delete(neighbours.RTM_DELNEIGH, neighbours.encodeNeighbour(neighbour), what);
  }

  close(): void {
    this.#aside.close();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #change(type: number, payload: Uint8Array, what: Pick<Request, 'operation' | 'object' | 'flags'>): void {
    this.#socket.request({ type, payload, ...what });
  }

  /** False when the kernel has no such object, or no longer the link it was on. */
  #delete(type: number, payload: Uint8Array, what: Pick<Request, 'operation' | 'object'>): boolean {
    const missing = [errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL];
    return (
      this.#orMissing(missing, () => this.#socket.request({ type, payload, ...what }) ?? true) !== undefined
    );
  }

  #orMissing<T>(missing: readonly number[], attempt: () => T): T | undefined {
    try {
      return attempt();
    } catch (error) {
      if (isErrno(error, ...missing)) return undefined;
      throw error;
    }
  }
}

function missingKind(link: NewLink, cause: KernelError): KernelError {
  const remedy = `load the kernel module (modprobe ${link.kind}), or use a kernel that has it`;
  return new KernelError(cause.errno, cause.operation, cause.object, {
    code: 'KERNEL_FEATURE',
    remedy,
    cause,
  });
}
