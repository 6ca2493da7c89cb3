/**
 * RouteNetlink in memory, with the kernel's errors: a FakeNetwork is a machine whose namespaces come into
 * being when they are first opened. Passes the same suite as the kernel.
 */
import { equalIp, type Family, type Ip } from '../../net/ip.ts';
import { errno, KernelError } from '../errno.ts';
import type { NetnsHandle } from '../netns/netns.ts';
import { addressScope, describeAddress } from './address.ts';
import { type FakeLink, FakeNamespace } from './fake-namespace.ts';
import { completeRoute, isMeant, lookup, sameRoute } from './fake-routing.ts';
import { describeNewLink } from './link.ts';
import { describeNeighbour } from './neighbour.ts';
import { describeRoute } from './route.ts';
import type {
  Address,
  Link,
  LinkChange,
  Neighbour,
  NewLink,
  Route,
  RouteNetlink,
  Rule,
  WatchRoutes,
} from './route-netlink.ts';

const longestName = 15;
const defaultMtu: Record<NewLink['kind'], number> = {
  veth: 1500,
  bridge: 1500,
  dummy: 1500,
  ifb: 1500,
  vxlan: 1450,
};

export class FakeNetwork {
  readonly #namespaces = new Map<string, FakeNamespace>();
  #links = 0;

  /** The namespace of the handle; without one, the machine's own. */
  namespace(netns?: NetnsHandle): FakeNamespace {
    const id = netns?.id ?? '';
    const namespace = this.#namespaces.get(id) ?? new FakeNamespace(id);
    this.#namespaces.set(id, namespace);
    return namespace;
  }

  open = (netns?: NetnsHandle): RouteNetlink => new FakeRouteNetlink(this, this.namespace(netns));

  watch: WatchRoutes = (netns, groups, handler) => {
    const stop = this.namespace(netns).listen({ groups, handler });
    return { [Symbol.dispose]: stop };
  };

  /** Locally administered, and the same in every run. */
  nextMac(): Uint8Array {
    const number = ++this.#links;
    return Uint8Array.of(2, 0, 0, number >> 16, (number >> 8) & 0xff, number & 0xff);
  }
}

/** A handle for a FakeNetwork: a namespace that exists in memory alone. */
export function fakeNetns(name: string): NetnsHandle {
  return { fd: -1, path: name, id: name, close() {}, [Symbol.dispose]() {} };
}

type NewEnd = Pick<NewLink, 'name' | 'mtu' | 'mac' | 'master' | 'alias' | 'netns'>;

class FakeRouteNetlink implements RouteNetlink {
  readonly #network: FakeNetwork;
  readonly #here: FakeNamespace;

  constructor(network: FakeNetwork, namespace: FakeNamespace) {
    this.#network = network;
    this.#here = namespace;
  }

  links(): Link[] {
    return this.#here.links.map((link) => this.#here.show(link));
  }

  link(which: string | number): Link | undefined {
    return this.links().find(({ name, index }) => name === which || index === which);
  }

  addLink(link: NewLink): Link {
    const ends = [link, ...(link.kind === 'veth' ? [link.peer] : [])];
    for (const end of ends) this.#checkNew(end, describeNewLink(link));
    const [near, far] = ends.map((end) => this.#create(end, link.kind)) as [FakeLink, FakeLink?];
    if (far !== undefined) {
      near.peer = far;
      far.peer = near;
    }
    if (link.kind === 'veth' && link.peer.up) far!.namespace.setUp(far!, true);
    if (link.up) near.namespace.setUp(near, true);
    return near.namespace.show(near);
  }

  #checkNew({ name, netns, master }: NewEnd, object: string): void {
    const namespace = this.#namespaceOf(netns);
    const fail = (number: number) => new KernelError(number, 'add link', object);
    if (name.length > longestName || name === '') throw fail(errno.ERANGE);
    if (namespace.links.some((link) => link.name === name)) throw fail(errno.EEXIST);
    if (master && !namespace.links.some(({ index }) => index === master)) throw fail(errno.ENODEV);
  }

  #create(end: NewEnd, kind: NewLink['kind']): FakeLink {
    const namespace = this.#namespaceOf(end.netns);
    const link: FakeLink = {
      namespace,
      index: namespace.takeIndex(),
      name: end.name,
      kind,
      mtu: end.mtu ?? defaultMtu[kind],
      mac: end.mac ?? this.#network.nextMac(),
      up: false,
      ...(end.master ? { master: end.master } : {}),
      ...(end.alias === undefined ? {} : { alias: end.alias }),
    };
    namespace.links.push(link);
    namespace.tell({ type: 'link', deleted: false, link: namespace.show(link) });
    return link;
  }

  #namespaceOf(netns: NetnsHandle | undefined): FakeNamespace {
    return netns === undefined ? this.#here : this.#network.namespace(netns);
  }

  #require(index: number, operation: string, object = String(index)): FakeLink {
    const link = this.#here.links.find((each) => each.index === index);
    if (link === undefined) throw new KernelError(errno.ENODEV, operation, object);
    return link;
  }

  setLink(index: number, change: LinkChange): void {
    const link = this.#require(index, 'change link');
    const namespace = this.#namespaceOf(change.netns);
    const name = change.name ?? link.name;
    const taken = namespace.links.find((each) => each.name === name && each !== link);
    if (taken !== undefined) throw new KernelError(errno.EEXIST, 'change link', String(index));
    if (change.master) this.#require(change.master, 'change link', String(index));
    if (namespace !== this.#here) this.#move(link, namespace);
    Object.assign(link, { name, mtu: change.mtu ?? link.mtu, mac: change.mac ?? link.mac });
    if (change.alias !== undefined) link.alias = change.alias;
    if (change.master !== undefined) link.master = change.master === 0 ? undefined : change.master;
    namespace.tell({ type: 'link', deleted: false, link: namespace.show(link) });
    if (change.up !== undefined) namespace.setUp(link, change.up);
  }

  /** A link goes down when it moves, keeps its index where that is free, and leaves all else behind. */
  #move(link: FakeLink, to: FakeNamespace): void {
    this.#here.setUp(link, false);
    this.#here.removeLink(link);
    delete link.master;
    if (to.links.some(({ index }) => index === link.index)) link.index = to.takeIndex();
    link.namespace = to;
    to.links.push(link);
  }

  deleteLink(index: number): boolean {
    const link = this.#here.links.find((each) => each.index === index);
    if (link === undefined) return false;
    if (link.kind === '') throw new KernelError(errno.EOPNOTSUPP, 'delete link', String(index));
    this.#here.removeLink(link);
    if (link.peer !== undefined) link.peer.namespace.removeLink(link.peer);
    return true;
  }

  async removeLink(index: number): Promise<boolean> {
    return this.deleteLink(index);
  }

  addresses(filter: { link?: number; family?: Family } = {}): Address[] {
    return this.#here.addresses
      .filter(({ link, ip }) => (filter.link ?? link) === link && (filter.family ?? ip.family) === ip.family)
      .sort((a, b) => a.ip.family - b.ip.family);
  }

  ensureAddress(address: Address): void {
    this.#require(address.link, 'add address', describeAddress(address));
    if (this.#findAddress(address) === undefined)
      this.#here.addAddress({ ...address, scope: addressScope(address) });
  }

  deleteAddress(address: Address): boolean {
    const found = this.#findAddress(address);
    if (found !== undefined) this.#here.dropAddress(found);
    return found !== undefined;
  }

  #findAddress({ link, ip, prefix }: Address): Address | undefined {
    return this.#here.addresses.find(
      (each) => each.link === link && each.prefix === prefix && equalIp(each.ip, ip),
    );
  }

  routes(filter: { table?: number; family?: Family; protocol?: number } = {}): Route[] {
    const { table, family, protocol } = filter;
    return this.#here.routes
      .filter((route) => (table ?? route.table) === route.table && (family ?? route.family) === route.family)
      .filter((route) => (protocol ?? route.protocol) === route.protocol)
      .sort((a, b) => a.family - b.family);
  }

  ensureRoute(route: Route): void {
    const complete = completeRoute(this.#here, route);
    if (typeof complete === 'number') throw new KernelError(complete, 'set route', describeRoute(route));
    this.#here.routes = this.#here.routes.filter((each) => !sameRoute(each, complete));
    this.#here.addRoute(complete);
  }

  deleteRoute(request: Route): boolean {
    const route = this.#here.routes.find((each) => isMeant(each, request));
    if (route === undefined) return false;
    this.#here.routes = this.#here.routes.filter((each) => each !== route);
    this.#here.tell({ type: 'route', deleted: true, route });
    return true;
  }

  lookupRoute(destination: Ip, options: { source?: Ip; link?: number } = {}): Route | undefined {
    return lookup(this.#here, destination, options);
  }

  rules(family: Family): Rule[] {
    return this.#here.rules.filter((rule) => rule.family === family).sort((a, b) => a.priority - b.priority);
  }

  ensureRule(rule: Rule): void {
    if (!this.#here.rules.some((each) => sameRule(each, rule))) this.#here.rules.push({ ...rule });
  }

  deleteRule(rule: Rule): boolean {
    const before = this.#here.rules.length;
    this.#here.rules = this.#here.rules.filter((each) => !sameRule(each, rule));
    return this.#here.rules.length < before;
  }

  neighbours(filter: { link?: number; proxy?: boolean } = {}): Neighbour[] {
    return this.#here.neighbours.filter(
      ({ link, proxy = false }) => (filter.link ?? link) === link && (filter.proxy ?? proxy) === proxy,
    );
  }

  ensureNeighbour(neighbour: Neighbour): void {
    this.#require(neighbour.link, 'set neighbour', describeNeighbour(neighbour));
    this.#here.neighbours = [
      ...this.#here.neighbours.filter((each) => !sameNeighbour(each, neighbour)),
      neighbour,
    ];
    this.#here.tell({ type: 'neighbour', deleted: false, neighbour });
  }

  deleteNeighbour(request: Neighbour): boolean {
    const neighbour = this.#here.neighbours.find((each) => sameNeighbour(each, request));
    if (neighbour === undefined) return false;
    this.#here.neighbours = this.#here.neighbours.filter((each) => each !== neighbour);
    this.#here.tell({ type: 'neighbour', deleted: true, neighbour });
    return true;
  }

  close(): void {}

  [Symbol.dispose](): void {}
}

function sameRule(a: Rule, b: Rule): boolean {
  const key = ({ family, priority, table, from, to, mark, incomingInterface }: Rule) =>
    JSON.stringify([family, priority, table, from, to, mark, incomingInterface]);
  return key(a) === key(b);
}

function sameNeighbour(a: Neighbour, b: Neighbour): boolean {
  return a.link === b.link && (a.proxy ?? false) === (b.proxy ?? false) && equalIp(a.ip, b.ip);
}
