/** The blocks that Services' addresses come from: those of ServiceCIDRs that are Ready (KEP-1880, ipallocator/cidrallocator.go). */
import { findCondition } from '../../../kube/conditions.ts';
import { parseCidr } from '../../../net/cidr.ts';
import type { Ip } from '../../../net/ip.ts';
import type { JsonObject } from '../json.ts';
import type { Storage } from '../storage/storage.ts';
import { AddressPool } from './address-pool.ts';
import type { IpFamily } from './cluster-ip-fields.ts';

export const serviceCidrCollection = 'networking.k8s.io/servicecidrs';
export const ipAddressCollection = 'networking.k8s.io/ipaddresses';
/** Larger ones than this give no addresses, as the original has it. */
const shortestPrefix6 = 64;

interface Condition {
  type: string;
  status: string;
}

function isReady({ metadata, status }: JsonObject): boolean {
  const ready = findCondition(status?.conditions as Condition[] | undefined, 'Ready');
  return metadata.deletionTimestamp === undefined && ready?.status === 'True';
}

export class ServiceCidrs {
  /** By block; one that was left keeps its place, for when it comes back. */
  readonly #pools = new Map<string, AddressPool>();
  #ready: AddressPool[] = [];

  /** `first` are the blocks that are used up before others. */
  constructor(first: readonly string[]) {
    for (const cidr of first) this.#pools.set(cidr, new AddressPool(cidr));
  }

  /** Follows the stored ServiceCIDRs. */
  attach(storage: Storage): void {
    const read = () => this.#read(storage.list(serviceCidrCollection) as JsonObject[]);
    read();
    storage.watch(serviceCidrCollection, storage.revision, read);
  }

  /** Those that addresses may be given from, in order. */
  ofFamily(family: IpFamily): AddressPool[] {
    return this.#ready.filter((pool) => pool.family === family);
  }

  /** One that holds the address; undefined where none does that is Ready. */
  holding(ip: Ip): AddressPool | undefined {
    return this.#ready.find((pool) => pool.contains(ip));
  }

  #read(objects: readonly JsonObject[]): void {
    const ready = new Set(objects.filter(isReady).flatMap(({ spec }) => spec.cidrs as string[]));
    for (const cidr of ready)
      if (!this.#pools.has(cidr) && isUsable(cidr)) this.#pools.set(cidr, new AddressPool(cidr));
    this.#ready = [...this.#pools].filter(([cidr]) => ready.has(cidr)).map(([, pool]) => pool);
  }
}

function isUsable(cidr: string): boolean {
  const { ip, prefix } = parseCidr(cidr);
  return ip.family === 4 || prefix >= shortestPrefix6;
}
