/** The cluster zone's names for the kernel, out of the index that the server's answers are made of. */
import type { Ip } from '../../net/ip.ts';
import { isBelow } from '../message/name.ts';
import type { ClusterChange, ClusterIndex } from '../plugins/kubernetes/cluster-index.ts';
import type { ZoneLookup } from '../plugins/kubernetes/zone-lookup.ts';
import type { ZoneNames } from './fast-path.ts';
import type { NameAddresses } from './zone-maps.ts';

export interface ZoneFeedOptions {
  index: ClusterIndex;
  lookup: ZoneLookup;
  /** Canonical. */
  zone: string;
}

export class ZoneFeed implements ZoneNames {
  readonly #index: ClusterIndex;
  readonly #lookup: ZoneLookup;
  readonly #zone: string;
  /** First labels of the names of a headless Service's endpoints that the kernel was told of, by the Service's key. */
  readonly #hosts = new Map<string, string>();

  constructor({ index, lookup, zone }: ZoneFeedOptions) {
    this.#index = index;
    this.#lookup = lookup;
    this.#zone = zone;
  }

  *names(): Generator<string> {
    const zone = this.#zone;
    yield* [zone, `svc.${zone}`, `dns.${zone}`, this.#serverName, `dns-version.${zone}`];
    for (const namespace of this.#index.namespaces()) yield this.#namespaceName(namespace);
    for (const key of this.#index.serviceKeys()) yield* this.#serviceNames(key);
  }

  addresses(name: string): NameAddresses | undefined {
    if (!isBelow(name, this.#zone)) return undefined;
    // Which addresses the server has, only the server knows.
    if (name === this.#serverName) return { ips: [], userSpace: true };
    const found = this.#lookup.find(name, this.#zone);
    if (found === undefined) return undefined;
    if (found.aliased) return { ips: [], userSpace: true };
    return { ips: distinct(found.backends.flatMap(({ ip }) => ip ?? [])) };
  }

  /** Names that a change concerns: those that there are now, and those that there were. */
  *changedBy(change: ClusterChange): Generator<string> {
    if ('namespace' in change) {
      yield this.#namespaceName(change.namespace);
      const within = `${change.namespace}/`;
      for (const key of this.#index.serviceKeys()) if (key.startsWith(within)) yield* this.#serviceNames(key);
    } else if (!change.imported) yield* this.#serviceNames(change.service);
  }

  get #serverName(): string {
    return `ns.dns.${this.#zone}`;
  }

  #namespaceName(namespace: string): string {
    return `${namespace}.svc.${this.#zone}`;
  }

  *#serviceNames(key: string): Generator<string> {
    const [namespace, service] = key.split('/');
    const name = `${service}.${namespace}.svc.${this.#zone}`;
    yield name;
    const before = this.#hosts.get(key)?.split(' ') ?? [];
    const now = this.#hostsOf(key);
    if (now.length > 0) this.#hosts.set(key, now.join(' '));
    else this.#hosts.delete(key);
    for (const host of new Set([...before, ...now])) yield `${host}.${name}`;
  }

  #hostsOf(key: string): string[] {
    if (this.#index.local.service(key)?.kind !== 'headless') return [];
    return this.#index.local.endpoints(key).flatMap(({ endpoints }) => endpoints.map(({ host }) => host));
  }
}

/** A backend stands there once for each of its ports. */
function distinct(ips: readonly Ip[]): Ip[] {
  const seen = new Set<string>();
  return ips.filter(({ bytes }) => {
    const text = bytes.join('.');
    return !seen.has(text) && seen.add(text);
  });
}
