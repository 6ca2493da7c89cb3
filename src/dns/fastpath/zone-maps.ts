/**
 * The maps of the DNS program (bpf/dns.bpf.c): names of the cluster zone with their addresses, the addresses that
 * DNS servers answer under, and the zone. A name is written whole at once: the program sees it before or after.
 */
import type { BpfMap, BpfObject } from '../../linux/bpf/bpf.ts';
import type { Ip } from '../../net/ip.ts';
import { isError } from '../../util/errors.ts';
import type { TimeSlice } from '../../util/time-slice.ts';
import { canonicalName, labelsOf } from '../message/name.ts';
import { dnsNameFlags as flag, layouts } from './generated/layouts.ts';

/** What a name of the zone stands for in the kernel. */
export interface NameAddresses {
  /** Of both families; none for a name that exists without addresses. */
  ips: readonly Ip[];
  /** The name's answers are made in user space (an alias). */
  userSpace?: boolean;
}

export interface ZoneSettings {
  /** Canonical, below the root. */
  zone: string;
  /** Seconds, of every record. */
  ttl: number;
  /** Of the SOA record. */
  serial: number;
  /** The largest answer over UDP. */
  udpBytes: number;
  /** Replies say that names of the whole world are answered. */
  recursive: boolean;
}

export interface Counters {
  hits: number;
  empty: number;
  nameErrors: number;
  passed: number;
}

const shortBytes = layouts.dnsShortName.size;
const longBytes = layouts.dnsLongName.size;
/** What a set holds; names with more are user space's. */
export const setLimits = { 4: 32, 6: 16 } as const;

/**
 * The kernel answers so long after it was told last, or that it may go on: longer than an agent is away for a restart
 * or an upgrade, and as long as a node without word of its kubelet is taken for ready (50 s) and a little.
 */
export const termMs = 60_000;

const index = new Uint8Array(4);

export class ZoneMaps {
  readonly #short: BpfMap;
  readonly #long: BpfMap;
  readonly #sets: BpfMap;
  readonly #servers: BpfMap;
  readonly #config: BpfMap;
  readonly #counters: BpfMap;
  #lastSet = 0;
  #sampleEvery = 0;

  /** Takes over what is pinned: sets keep their numbers. */
  constructor(object: Pick<BpfObject, 'map'>) {
    this.#short = object.map('dns_names');
    this.#long = object.map('dns_long_names');
    this.#sets = object.map('dns_sets');
    this.#servers = object.map('dns_servers');
    this.#config = object.map('dns_config');
    this.#counters = object.map('dns_counters');
    for (const [key] of this.#sets.entries()) this.#lastSet = Math.max(this.#lastSet, numberOf(key));
  }

  /** From now on every question goes to user space. */
  disable(): void {
    const now = layouts.dnsConfig.decode(this.#config.lookup(index)!);
    this.#config.update(index, layouts.dnsConfig.encode({ ...now, enabled: 0 }));
  }

  /** What the program answers by; undefined where it answers nothing. */
  settings(): Pick<ZoneSettings, 'zone' | 'ttl' | 'recursive'> | undefined {
    const { enabled, zone, ttl, recursive } = layouts.dnsConfig.decode(this.#config.lookup(index)!);
    return enabled === 0 ? undefined : { zone: nameOf(zone), ttl, recursive: recursive !== 0 };
  }

  /** Whether the program was last told of this zone. */
  isFor(zone: string): boolean {
    const wire = wireName(zone);
    const now = layouts.dnsConfig.decode(this.#config.lookup(index)!);
    return now.zoneBytes === wire.length && Buffer.compare(now.zone.subarray(0, wire.length), wire) === 0;
  }

  /** From now on a name below the zone that is in no map does not exist: only once all names are. */
  enable({ zone, recursive, ...settings }: ZoneSettings): void {
    const labels = labelsOf(zone);
    const wire = wireName(zone);
    const padded = Buffer.alloc(shortBytes);
    padded.set(wire);
    const config = {
      ...settings,
      ...{ recursive: Number(recursive), zone: padded, zoneLabels: labels.length, zoneBytes: wire.length },
      ...{ until: monotonicNs(termMs), sampleEvery: this.#sampleEvery },
    };
    // An array's value is not changed at once: nobody may see half of another zone.
    if (!this.isFor(zone)) this.#config.update(index, layouts.dnsConfig.encode({ ...config, enabled: 0 }));
    this.#config.update(index, layouts.dnsConfig.encode({ ...config, enabled: 1 }));
  }

  /** The program answers for another term, or one of so many ms. */
  renew(ms = termMs): void {
    const now = layouts.dnsConfig.decode(this.#config.lookup(index)!);
    this.#config.update(index, layouts.dnsConfig.encode({ ...now, until: monotonicNs(ms) }));
  }

  /** One of so many answers is told in the ring `dns_samples`; 0: none. */
  sampleEvery(answers: number): void {
    this.#sampleEvery = answers;
    const now = layouts.dnsConfig.decode(this.#config.lookup(index)!);
    this.#config.update(index, layouts.dnsConfig.encode({ ...now, sampleEvery: answers }));
  }

  /** @throws TendrilError MAP_FULL: then nothing has changed */
  set(name: string, addresses: NameAddresses): void {
    const { map, key } = this.#place(name);
    const before = map.lookup(key);
    const old = before && layouts.dnsName.decode(before);
    const oldSet = old !== undefined && old.flags & flag.DNS_IS_SET ? old.set : undefined;
    const value = this.#valueOf(addresses, oldSet);
    if (before === undefined || Buffer.compare(before, value.bytes) !== 0) {
      try {
        map.update(key, value.bytes);
      } catch (error) {
        if (value.set !== undefined && value.set !== oldSet) this.#sets.delete(keyOf(value.set));
        throw error;
      }
    }
    if (oldSet !== undefined && oldSet !== value.set) this.#sets.delete(keyOf(oldSet));
  }

  delete(name: string): void {
    const { map, key } = this.#place(name);
    const before = map.lookup(key);
    if (before === undefined) return;
    const { flags, set } = layouts.dnsName.decode(before);
    map.delete(key);
    if (flags & flag.DNS_IS_SET) this.#sets.delete(keyOf(set));
  }

  /** Forgets all other names, and sets that no name has. */
  async retain(has: (name: string) => boolean, slice: TimeSlice): Promise<void> {
    const used = new Set<number>();
    for (const map of [this.#short, this.#long])
      for (const [key, value] of [...map.entries()]) {
        const { flags, set } = layouts.dnsName.decode(value);
        if (!has(nameOf(key))) map.delete(key);
        else if (flags & flag.DNS_IS_SET) used.add(set);
        await slice.breathe();
      }
    for (const [key] of [...this.#sets.entries()]) if (!used.has(numberOf(key))) this.#sets.delete(key);
  }

  /** Questions to these addresses, at port 53, are answered; no others. */
  setServers(ips: readonly Ip[]): void {
    const wanted = new Map(
      ips.map((addr) => {
        const key = layouts.dnsServerKey.encode({ addr, port: 53 });
        return [Buffer.from(key).toString('hex'), key] as const;
      }),
    );
    for (const [key] of [...this.#servers.entries()])
      if (!wanted.delete(Buffer.from(key).toString('hex'))) this.#servers.delete(key);
    for (const key of wanted.values()) this.#servers.update(key, Uint8Array.of(1, 0, 0, 0));
  }

  counters(): Counters {
    const total = { hits: 0, empty: 0, nameErrors: 0, passed: 0 };
    const values = this.#counters.lookup(index) ?? new Uint8Array();
    const { size } = layouts.dnsCounters;
    for (let at = 0; at + size <= values.length; at += size) {
      const one = layouts.dnsCounters.decode(values.subarray(at, at + size));
      for (const name of Object.keys(total) as (keyof Counters)[]) total[name] += Number(one[name]);
    }
    return total;
  }

  #place(name: string): { map: BpfMap; key: Uint8Array } {
    const wire = wireName(name);
    const map = wire.length <= shortBytes ? this.#short : this.#long;
    const key = new Uint8Array(map === this.#short ? shortBytes : longBytes);
    key.set(wire);
    return { map, key };
  }

  #valueOf(
    { ips, userSpace }: NameAddresses,
    oldSet: number | undefined,
  ): { bytes: Uint8Array; set?: number } {
    const of = (family: 4 | 6) => ips.filter((ip) => ip.family === family).map(({ bytes }) => bytes);
    const [v4, v6] = [of(4), of(6)];
    if (userSpace || v4.length > setLimits[4] || v6.length > setLimits[6])
      return { bytes: layouts.dnsName.encode({ flags: flag.DNS_USER_SPACE }) };
    const flags = (v4.length > 0 ? flag.DNS_HAS_V4 : 0) | (v6.length > 0 ? flag.DNS_HAS_V6 : 0);
    if (v4.length <= 1 && v6.length <= 1)
      return {
        bytes: layouts.dnsName.encode({ flags, ...(v4[0] && { v4: v4[0] }), ...(v6[0] && { v6: v6[0] }) }),
      };
    const set = oldSet ?? ++this.#lastSet;
    this.#sets.update(
      keyOf(set),
      layouts.dnsSet.encode({
        v4Count: v4.length,
        v6Count: v6.length,
        v4: joined(v4, 128),
        v6: joined(v6, 256),
      }),
    );
    return { bytes: layouts.dnsName.encode({ flags: flags | flag.DNS_IS_SET, set }), set };
  }
}

/** A map has no room: answers out of the maps would be wrong. */
export const isFull = (error: unknown): boolean => isError(error, 'MAP_FULL');

/** CLOCK_MONOTONIC in so many ms, as the kernel counts it. */
function monotonicNs(inMs: number): bigint {
  return process.hrtime.bigint() + BigInt(inMs) * 1_000_000n;
}

function wireName(name: string): Uint8Array {
  const labels = labelsOf(canonicalName(name));
  return Buffer.concat([
    ...labels.flatMap((label) => [Uint8Array.of(label.length), label]),
    Uint8Array.of(0),
  ]);
}

/** The name that a key or a question has; names of the cluster are of letters, digits, hyphens and underscores. */
export function nameOf(key: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; key[at]; at += key[at]! + 1)
    labels.push(Buffer.from(key.subarray(at + 1, at + 1 + key[at]!)).toString('latin1'));
  return labels.join('.');
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  bytes.set(Buffer.concat(parts));
  return bytes;
}

function keyOf(value: number): Uint8Array {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(value);
  return key;
}

const numberOf = (key: Uint8Array): number => Buffer.from(key).readUInt32LE();
