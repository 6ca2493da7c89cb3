/**
 * A network namespace in memory: links, addresses, routes, rules and neighbours, and what the kernel does to some
 * of them when others change: an address brings routes, a link that goes takes all that is on it along.
 */
import { type Cidr, cidrOf, familyBits } from '../../net/cidr.ts';
import { equalIp, type Ip } from '../../net/ip.ts';
import { localTable, mainTable } from './route.ts';
import type { Address, Link, Neighbour, Route, RouteEvent, RouteGroup, Rule } from './route-netlink.ts';

/** A link as it is kept: what depends on other links is worked out when it is read. */
export interface FakeLink extends Omit<Link, 'running' | 'peerIndex' | 'peerNetnsId'> {
  namespace: FakeNamespace;
  peer?: FakeLink;
}

interface Listener {
  groups: readonly RouteGroup[];
  handler: (event: RouteEvent) => void;
}

const kernelProtocol = 2;
const scopeLink = 253;
const scopeHost = 254;
export const loopbackIndex = 1;

export class FakeNamespace {
  readonly id: string;
  links: FakeLink[] = [];
  addresses: Address[] = [];
  routes: Route[] = [];
  neighbours: Neighbour[] = [];
  rules: Rule[] = [
    ...([4, 6] as const).map((family): Rule => ({ family, priority: 0, table: localTable })),
    ...([4, 6] as const).map((family): Rule => ({ family, priority: 32766, table: mainTable })),
    { family: 4, priority: 32767, table: 253 },
  ];
  readonly #listeners = new Set<Listener>();
  readonly #peerNamespaces: FakeNamespace[] = [];
  #nextIndex = loopbackIndex;

  constructor(id: string) {
    this.id = id;
    const lo = {
      index: this.takeIndex(),
      name: 'lo',
      kind: '',
      mtu: 65536,
      mac: new Uint8Array(6),
      up: true,
    };
    this.links.push({ ...lo, namespace: this });
    this.addAddress({
      link: lo.index,
      ip: { family: 4, bytes: Uint8Array.of(127, 0, 0, 1) },
      prefix: 8,
      scope: scopeHost,
    });
    const one = Uint8Array.from({ length: 16 }, (_, i) => Number(i === 15));
    this.addAddress({ link: lo.index, ip: { family: 6, bytes: one }, prefix: 128, scope: scopeHost });
  }

  takeIndex(): number {
    return this.#nextIndex++;
  }

  /** A link as rtnetlink shows it. */
  show(link: FakeLink): Link {
    const { namespace: _, peer, ...shown } = link;
    const result: Link = { ...shown, running: this.#runs(link) };
    if (peer !== undefined) result.peerIndex = peer.index;
    if (peer !== undefined && peer.namespace !== this) result.peerNetnsId = this.#numberOf(peer.namespace);
    return result;
  }

  #runs(link: FakeLink): boolean {
    if (!link.up) return false;
    if (link.kind === 'veth') return link.peer?.up ?? false;
    // A bridge carries while one of its ports does.
    return (
      link.kind !== 'bridge' || this.links.some((port) => port.master === link.index && this.#runs(port))
    );
  }

  #numberOf(other: FakeNamespace): number {
    if (!this.#peerNamespaces.includes(other)) this.#peerNamespaces.push(other);
    return this.#peerNamespaces.indexOf(other);
  }

  setUp(link: FakeLink, up: boolean): void {
    if (link.up === up) return;
    link.up = up;
    if (up) {
      for (const address of this.addresses.filter((each) => each.link === link.index))
        this.#addConnected(address);
      this.addAddress({ link: link.index, ip: linkLocal(link.mac), prefix: 64, scope: scopeLink });
    } else {
      this.#dropRoutes((route) => route.link === link.index);
      // The kernel forgets IPv6 addresses of a link that goes down (keep_addr_on_down is off).
      const gone = this.addresses.filter((each) => each.link === link.index && each.ip.family === 6);
      for (const address of gone) this.dropAddress(address);
    }
    this.tell({ type: 'link', deleted: false, link: this.show(link) });
  }

  addAddress(address: Address): void {
    this.addresses.push(address);
    this.tell({ type: 'address', deleted: false, address });
    if (this.links.find((link) => link.index === address.link)?.up) this.#addConnected(address);
  }

  dropAddress(address: Address): void {
    this.addresses = this.addresses.filter((each) => each !== address);
    this.tell({ type: 'address', deleted: true, address });
    const connected = connectedRoutes(address);
    const same = (a: Route) => connected.some((b) => sameConnected(a, b));
    // Another address of the same network keeps the network's route.
    const kept = this.addresses.filter((each) => each.link === address.link).flatMap(connectedRoutes);
    this.#dropRoutes((route) => same(route) && !kept.some((b) => sameConnected(route, b)));
  }

  #addConnected(address: Address): void {
    for (const route of connectedRoutes(address)) {
      if (!this.routes.some((each) => sameConnected(each, route))) this.addRoute(route);
    }
  }

  addRoute(route: Route): void {
    this.routes.push(route);
    this.tell({ type: 'route', deleted: false, route });
  }

  #dropRoutes(which: (route: Route) => boolean): void {
    const gone = this.routes.filter(which);
    this.routes = this.routes.filter((route) => !gone.includes(route));
    for (const route of gone) this.tell({ type: 'route', deleted: true, route });
  }

  /** Takes a link out, with its addresses, routes and neighbours; links below it are free again. */
  removeLink(link: FakeLink): void {
    for (const address of this.addresses.filter((each) => each.link === link.index))
      this.dropAddress(address);
    this.#dropRoutes((route) => route.link === link.index);
    this.neighbours = this.neighbours.filter((each) => each.link !== link.index);
    for (const port of this.links) if (port.master === link.index) delete port.master;
    this.links = this.links.filter((each) => each !== link);
    this.tell({ type: 'link', deleted: true, link: this.show(link) });
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Handlers run later, as they do with the kernel. */
  tell(event: RouteEvent): void {
    for (const listener of this.#listeners) {
      if (event.type !== 'lost' && !listener.groups.includes(event.type)) continue;
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener.handler(event);
      });
    }
  }
}

function sameConnected(a: Route, b: Route): boolean {
  return a.table === b.table && a.link === b.link && a.protocol === b.protocol && sameDestination(a, b);
}

export function sameDestination(
  a: { family: number; destination?: Cidr },
  b: { family: number; destination?: Cidr },
): boolean {
  if (a.family !== b.family || a.destination?.prefix !== b.destination?.prefix) return false;
  return a.destination === undefined || equalIp(a.destination.ip, b.destination!.ip);
}

/** What the kernel installs for an address on a link that is up: the network on the link, the address as local. */
function connectedRoutes({ ip, prefix, link }: Address): Route[] {
  const { family } = ip;
  const bits = familyBits(family);
  const common = { family, link, protocol: kernelProtocol };
  const own: Route = { ...common, destination: { ip, prefix: bits }, table: localTable, type: 'local' };
  const network: Route = { ...common, destination: cidrOf(ip, prefix), table: mainTable, type: 'unicast' };
  if (family === 6)
    return [
      { ...own, scope: 0, metric: 0 },
      ...(link === loopbackIndex ? [] : [{ ...network, scope: 0, metric: 256 }]),
    ];
  const host = { ...own, scope: scopeHost, source: ip };
  if (link === loopbackIndex) return [host, { ...host, destination: cidrOf(ip, prefix) }];
  return prefix === bits ? [host] : [host, { ...network, scope: scopeLink, source: ip }];
}

/** fe80:: with the EUI-64 of the address (RFC 4291, appendix A). */
function linkLocal(mac: Uint8Array): Ip {
  const [a, b, c, d, e, f] = mac as unknown as [number, number, number, number, number, number];
  return { family: 6, bytes: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f) };
}
