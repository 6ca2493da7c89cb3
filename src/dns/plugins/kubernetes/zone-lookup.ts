/**
 * The names of the plugin's zones, over the index: what a name stands for, whether it exists. Answers to names of
 * Services are kept until an object behind them changes, so that most queries are one look-up.
 */
import { formatIp, type Ip, tryParseIp } from '../../../net/ip.ts';
import { recordTypes } from '../../message/constants.ts';
import type { ResourceRecord } from '../../message/message.ts';
import { isBelow } from '../../message/name.ts';
import { type Backend, type Found, findBackends } from './backends.ts';
import type { ClusterIndex } from './cluster-index.ts';
import { noPort } from './cluster-service.ts';
import { type NameParts, partsOf } from './name-parts.ts';
import { isReverseZone, type KubernetesOptions } from './options.ts';
import { addressRecords, record, schemaVersion, srvRecords, versionTtl } from './records.ts';

export interface Section {
  answers: ResourceRecord[];
  additionals: ResourceRecord[];
}

/** What a name that exists has. */
export class NameRecords {
  readonly name: string;
  readonly zone: string;
  readonly backends: readonly Backend[];
  /** Some of its answers are made by following another name. */
  readonly aliased: boolean;
  readonly #ttl: number;
  readonly #texts: readonly string[];
  readonly #sections = new Map<number, Section>();

  constructor(
    place: { name: string; zone: string; ttl: number },
    backends: readonly Backend[],
    texts: readonly string[] = [],
  ) {
    this.name = place.name;
    this.zone = place.zone;
    this.#ttl = place.ttl;
    this.backends = backends;
    this.#texts = texts;
    this.aliased = backends.some(({ alias }) => alias !== undefined);
  }

  /** Records of a type, without those that an alias leads to. Shared: not to be changed. */
  of(type: number): Section {
    let section = this.#sections.get(type);
    if (section === undefined) {
      section = this.#make(type);
      if (section !== nothing) this.#sections.set(type, section);
    }
    return section;
  }

  #make(type: number): Section {
    const { name, zone, backends } = this;
    const ttl = this.#ttl;
    switch (type) {
      case recordTypes.A:
      case recordTypes.AAAA:
        return { answers: addressRecords(backends, { name, type, ttl }), additionals: [] };
      case recordTypes.SRV:
        return srvRecords(backends, { name, zone, ttl });
      case recordTypes.TXT: {
        const texts = this.#texts.map((text) => Buffer.from(text));
        const answers = texts.map((text) => record(name, versionTtl, { type, strings: [text] }));
        return answers.length > 0 ? { answers, additionals: [] } : nothing;
      }
      default:
        return nothing;
    }
  }
}

const nothing: Section = { answers: [], additionals: [] };

/** Names whose answers are kept; more are not worth their memory. */
const keptNames = 10_000;

export interface ZoneLookupOptions extends KubernetesOptions {
  /** Addresses that the server answers at, for the zone's name servers. */
  serverIps(): readonly Ip[];
}

export class ZoneLookup {
  readonly index: ClusterIndex;
  readonly options: ZoneLookupOptions;
  /** Longest first: the closest one answers. */
  readonly #zones: readonly string[];
  readonly #kept = new Map<string, NameRecords>();
  readonly #namesOf = new Map<string, string[]>();
  readonly #unsubscribe: () => void;

  constructor(index: ClusterIndex, options: ZoneLookupOptions) {
    this.index = index;
    this.options = options;
    this.#zones = [...options.zones].sort((a, b) => b.length - a.length);
    this.#unsubscribe = index.onChange((change) => {
      if ('namespace' in change) this.#forgetAll();
      else this.#forget(change.service);
    });
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Where PTR records point. */
  get primaryZone(): string {
    return this.options.zones.find((zone) => !isReverseZone(zone))!;
  }

  /** The zone that a canonical name is in. */
  zoneOf(name: string): string | undefined {
    return this.#zones.find((zone) => isBelow(name, zone));
  }

  /** As `find`, where somebody asked for it since its last change. */
  kept(name: string): NameRecords | undefined {
    return this.#kept.get(name);
  }

  /** What a canonical name in `zone` has; undefined where there is no such name. */
  find(name: string, zone: string): NameRecords | undefined {
    return this.#kept.get(name) ?? this.#derive(name, zone);
  }

  #derive(name: string, zone: string): NameRecords | undefined {
    const relative = relativeTo(name, zone);
    if (relative === '') return this.recordsOf(name, zone, []);
    if (isReverseZone(zone)) return undefined;
    const parts = this.parts(relative, zone);
    if (parts === undefined) return this.#findOther(name, zone, relative);
    const { kind, namespace, service } = parts;
    if (namespace === undefined) return this.recordsOf(name, zone, []);
    if (!this.exposes(namespace)) return undefined;
    if (kind === 'pod') return this.#found(name, zone, this.#podBackends(parts));
    if (service === undefined) return this.recordsOf(name, zone, []);
    return this.#findService(name, zone, parts);
  }

  /** The parts of a name relative to the zone. */
  parts(relative: string, zone: string): NameParts | undefined {
    return partsOf(relative, { multicluster: this.isMulticluster(zone), zonal: this.options.zonal });
  }

  isMulticluster(zone: string): boolean {
    return this.options.multiclusterZones.some((one) => isBelow(zone, one));
  }

  /** The namespace is there and shown. */
  exposes(namespace: string): boolean {
    const { namespaces } = this.options;
    return (namespaces.size === 0 || namespaces.has(namespace)) && this.index.hasNamespace(namespace);
  }

  #findService(name: string, zone: string, parts: NameParts): NameRecords | undefined {
    const multicluster = this.isMulticluster(zone);
    const source = multicluster ? this.index.imported : this.index.local;
    const { ignoreEmpty } = this.options;
    const found = this.#found(name, zone, findBackends(parts, source, { ignoreEmpty, multicluster }));
    if (found !== undefined) this.#keep(`${parts.namespace}/${parts.service}`, found);
    return found;
  }

  /** Names of the zone that no object stands behind. */
  #findOther(name: string, zone: string, relative: string): NameRecords | undefined {
    if (relative === 'dns-version')
      return new NameRecords({ name, zone, ttl: this.options.ttl }, [], [schemaVersion]);
    if (relative === 'dns') return this.recordsOf(name, zone, []);
    if (relative !== 'ns.dns') return undefined;
    const backends = this.options.serverIps().map((ip) => ({ ip, port: noPort, target: relative }));
    return this.recordsOf(name, zone, backends);
  }

  /** As CoreDNS, looks at nothing left of the address. */
  #podBackends({ namespace, service }: NameParts): Found {
    const { pods } = this.options;
    if (pods === 'disabled') return undefined;
    if (service === undefined) return [];
    const ip = podIp(service);
    if (ip === undefined) return undefined;
    const known = pods === 'insecure' || this.#hasPod(formatIp(ip), namespace!);
    return known ? [{ ip, port: noPort, target: '' }] : undefined;
  }

  #hasPod(ip: string, namespace: string): boolean {
    return this.index.podsAt(ip).some(({ metadata }) => metadata.namespace === namespace);
  }

  #found(name: string, zone: string, found: Found): NameRecords | undefined {
    return found && this.recordsOf(name, zone, found);
  }

  /** What a name with these backends has. */
  recordsOf(name: string, zone: string, backends: readonly Backend[]): NameRecords {
    return new NameRecords({ name, zone, ttl: this.options.ttl }, backends);
  }

  #keep(service: string, records: NameRecords): void {
    if (records.aliased) return;
    if (this.#kept.size >= keptNames) this.#forgetAll();
    this.#kept.set(records.name, records);
    const names = this.#namesOf.get(service);
    if (names === undefined) this.#namesOf.set(service, [records.name]);
    else names.push(records.name);
  }

  #forget(service: string): void {
    const names = this.#namesOf.get(service);
    if (names === undefined) return;
    for (const name of names) this.#kept.delete(name);
    this.#namesOf.delete(service);
  }

  #forgetAll(): void {
    this.#kept.clear();
    this.#namesOf.clear();
  }
}

/** '' for the zone itself. */
export function relativeTo(name: string, zone: string): string {
  if (zone === '') return name;
  return name.length === zone.length ? '' : name.slice(0, -zone.length - 1);
}

/** The address of a pod's name: its dots or colons are dashes. */
function podIp(label: string): Ip | undefined {
  const dots = label.split('-').length === 4 && !label.includes('--');
  return tryParseIp(label.replaceAll('-', dots ? '.' : ':'));
}
