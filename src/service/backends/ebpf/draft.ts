/** A ledger with changes not yet made, and the map writes that make them, in the order that is safe. */
import { formatIp } from '../../../net/ip.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { ServicePortName } from '../../model/service-port.ts';
import { backendFlags, type Frontend, frontendKind, layouts } from './generated/layouts.ts';
import {
  type BackendRecord,
  backendKey,
  type FrontendRecord,
  type Ledger,
  type PoolRecord,
  type PortRecord,
  packed,
  type RangeRecord,
  unpacked,
} from './ledger.ts';
import { maglevTable, maglevTableSize } from './maglev-table.ts';
import { type Capacity, inOrder, type MapName, type MapWrite } from './map-write.ts';
import { Overlay } from './overlay.ts';
import { arrange, slotWrites } from './pool-slots.ts';
import { backendWrites, recordWrites } from './record-writes.ts';

export type Member = Pick<Endpoint, 'ip' | 'port' | 'local' | 'onNode' | 'terminating'> & {
  proto: number;
  serviceId: number;
};

export interface PlannedPool {
  id: number;
  /** Of slots. */
  count: number;
}

const boundless: Capacity = {
  backends: Infinity,
  slots: Infinity,
  source_ranges: Infinity,
  frontends: Infinity,
};

const allowed = packed(layouts.sourceRange.encode({ allowed: 1 }));

export class Draft {
  /** Ports that lost a frontend to a ClusterIP: anybody may name any address an external one. */
  readonly ousted = new Set<ServicePortName>();
  readonly #ledger: Ledger;
  /** How many entries can still be added: what this draft removes goes after what it adds, and counts only then. */
  readonly #room: Record<MapName, number>;
  #slotGrowth = 0;
  #refusedBy: MapName | undefined;
  readonly #backends: Overlay<string, BackendRecord>;
  readonly #pools: Overlay<string, PoolRecord>;
  readonly #frontends: Overlay<string, FrontendRecord>;
  readonly #ranges: Overlay<string, RangeRecord>;
  readonly #ports: Overlay<ServicePortName, PortRecord>;
  /** Slots of pools that were found in the kernel and have an owner now, or go. */
  readonly #foundPools: Overlay<number, readonly number[]>;
  /** Slots that the kernel holds for pools taken over in this draft. */
  readonly #adopted = new Map<number, readonly number[]>();
  /** Backends that lost their last pool; another pool of this draft may take one up, with its number. */
  readonly #released = new Set<string>();
  readonly #backendKeys: Overlay<number, string>;
  readonly #services: Overlay<number, ServicePortName>;
  #nextBackendId: number;
  #nextPoolId: number;
  #nextServiceId: number;
  /** What an earlier process left is gone with this draft: `dropUnclaimed`, `dropOrphans`. */
  #swept = false;
  #orphansDropped = false;

  constructor(ledger: Ledger, capacity = boundless) {
    this.#ledger = ledger;
    this.#room = {
      backends: capacity.backends - ledger.backends.size,
      slots: capacity.slots - ledger.slotCount,
      source_ranges: capacity.source_ranges - ledger.ranges.size,
      frontends: capacity.frontends - ledger.frontends.size,
    };
    this.#backends = new Overlay(ledger.backends);
    this.#pools = new Overlay(ledger.pools);
    this.#frontends = new Overlay(ledger.frontends);
    this.#ranges = new Overlay(ledger.ranges);
    this.#ports = new Overlay(ledger.ports);
    this.#foundPools = new Overlay(ledger.foundPools);
    this.#backendKeys = new Overlay(ledger.backendKeys);
    this.#services = new Overlay(ledger.serviceOwners);
    this.#nextBackendId = ledger.nextBackendId;
    this.#nextPoolId = ledger.nextPoolId;
    this.#nextServiceId = ledger.nextServiceId;
  }

  /** The port's number: its own, the one that the kernel's frontend has where that is free, or a new one. */
  serviceId(name: ServicePortName, found: number | undefined): number {
    const free = found !== undefined && found > 0 && this.#services.get(found) === undefined;
    const id = this.#ports.get(name)?.serviceId ?? (free ? found : this.#nextServiceId++);
    this.#services.set(id, name);
    return id;
  }

  /** False where the frontend is another port's, which a ClusterIP's is only as long as that is another ClusterIP. */
  claim(key: string, port: ServicePortName, kind: Frontend['kind']): boolean {
    const { owner, value } = this.#frontends.get(key) ?? {};
    if (owner === undefined || owner === port) return true;
    const before = layouts.frontend.decode(unpacked(value!)).kind;
    if (kind !== frontendKind.FRONTEND_CLUSTER_IP || before === kind) return false;
    const record = this.#ports.get(owner);
    if (record)
      this.#ports.set(owner, { ...record, frontends: record.frontends.filter((one) => one !== key) });
    this.ousted.add(owner);
    return true;
  }

  frontendValue(key: string): Uint8Array | undefined {
    const record = this.#frontends.get(key);
    return record && unpacked(record.value);
  }

  /** False where the map has no room for it. */
  setFrontend(key: string, record: FrontendRecord): boolean {
    if (this.#frontends.get(key) === undefined && !this.#takeRoom('frontends')) return false;
    this.#frontends.set(key, record);
    return true;
  }

  /** Lets clients of a range in. False where the map has no room for it. */
  setRange(key: string): boolean {
    if (this.#ranges.get(key) === undefined && !this.#takeRoom('source_ranges')) return false;
    this.#ranges.set(key, { value: allowed, claimed: true });
    return true;
  }

  /** Which map had no room since the last call. */
  takeRefusal(): MapName | undefined {
    const refusedBy = this.#refusedBy;
    this.#refusedBy = undefined;
    return refusedBy;
  }

  #takeRoom(map: MapName): boolean {
    if (this.#room[map] <= 0) {
      this.#refusedBy = map;
      return false;
    }
    this.#room[map]--;
    return true;
  }

  /** Records the port; frontends and pools that it had and has no more go. */
  setPort(name: ServicePortName, record: PortRecord): void {
    const before = this.#ports.get(name);
    for (const key of before?.frontends ?? [])
      if (!record.frontends.includes(key)) this.#frontends.delete(key);
    for (const pool of before?.pools ?? []) if (!record.pools.includes(pool)) this.#dropPool(pool);
    for (const key of before?.ranges ?? []) if (!record.ranges.includes(key)) this.#ranges.delete(key);
    this.#ports.set(name, record);
  }

  dropPort(name: ServicePortName): void {
    const before = this.#ports.get(name);
    for (const key of before?.frontends ?? []) this.#frontends.delete(key);
    for (const pool of before?.pools ?? []) this.#dropPool(pool);
    for (const key of before?.ranges ?? []) this.#ranges.delete(key);
    if (before !== undefined) this.#services.delete(before.serviceId);
    this.#ports.delete(name);
  }

  /** What an earlier process left and no port claimed, once all are planned. */
  dropUnclaimed(): void {
    const { found, foundPools } = this.#ledger;
    for (const key of found.frontends) {
      const record = this.#frontends.get(key);
      if (record !== undefined && record.owner === undefined) this.#frontends.delete(key);
    }
    for (const key of found.ranges) if (this.#ranges.get(key)?.claimed === false) this.#ranges.delete(key);
    for (const id of foundPools.keys()) if (this.#foundPools.get(id)) this.#foundPools.delete(id);
    for (const key of found.backends) {
      const record = this.#backends.get(key);
      if (record?.uses === 0) this.#deleteBackend(key, record.id);
    }
    this.#swept = true;
  }

  /** Backends found in the kernel that no slot names. */
  dropOrphans(): void {
    const named = new Set([...this.#ledger.foundPools.values()].flat());
    for (const [key, { id }] of this.#ledger.backends) if (!named.has(id)) this.#deleteBackend(key, id);
    this.#orphansDropped = true;
  }

  /**
   * The pool with these members, or as many of them as there is room for. Members that stay keep their slots and gaps
   * are filled from the end, so that one endpoint's change is one or two writes.
   * @param found the kernel's pool to take over where this one has no number yet
   * @param maglev its slots are a table for hashes; without room for that, the members alone
   */
  planPool(
    name: string,
    members: readonly Member[],
    { found, maglev = false }: { found?: number | undefined; maglev?: boolean } = {},
  ): PlannedPool {
    const own = this.#pools.get(name);
    const adopted = own === undefined && found !== undefined ? this.#foundPools.get(found) : undefined;
    const before = own?.members ?? adopted ?? [];
    const id = own?.id ?? (adopted === undefined ? this.#nextPoolId++ : found!);
    if (adopted !== undefined) this.#foundPools.delete(id);
    const used = new Set(own?.members);
    const slots = before.length + this.#room.slots;
    const wanted = this.#useAll(members, { used, slots });
    const after = (maglev ? this.#table(wanted, slots) : undefined) ?? arrange(before, wanted);
    this.#room.slots -= Math.max(0, after.length - before.length);
    for (const backend of used) if (!wanted.has(backend)) this.#release(backend);
    this.#pools.set(name, { id, members: after });
    if (adopted !== undefined) this.#adopted.set(id, adopted);
    // An empty pool has no slots by which a later process would know its number.
    return { id: after.length > 0 ? id : 0, count: after.length };
  }

  /** Undefined where the map of slots has no room for a table. */
  #table(wanted: ReadonlySet<number>, slots: number): number[] | undefined {
    if (wanted.size > 0 && maglevTableSize(wanted.size) > slots) {
      this.#refusedBy = 'slots';
      return undefined;
    }
    // Without the Service's number, which is this node's: the same names on every node.
    const ids = new Map([...wanted].map((id) => [memberName(this.#backendKeys.get(id)!), id]));
    return maglevTable([...ids.keys()]).map((name) => ids.get(name)!);
  }

  #useAll(members: readonly Member[], { used, slots }: { used: Set<number>; slots: number }): Set<number> {
    const wanted = new Set<number>();
    for (const member of members) {
      if (wanted.size >= slots) {
        this.#refusedBy = 'slots';
        break;
      }
      const id = this.#use(member, used);
      if (id !== undefined) wanted.add(id);
    }
    return wanted;
  }

  /** The backend's number; counted once for a pool that did not hold it before. Undefined where there is no room. */
  #use(member: Member, held: ReadonlySet<number>): number | undefined {
    const { ip: addr, port, proto, serviceId } = member;
    const key = backendKey({ addr, port, proto, serviceId });
    const flags =
      (member.local ? backendFlags.BACKEND_LOCAL : 0) |
      (member.terminating ? backendFlags.BACKEND_TERMINATING : 0) |
      (member.onNode ? backendFlags.BACKEND_ON_NODE : 0);
    const known = this.#backends.get(key);
    if (known === undefined && !this.#takeRoom('backends')) return undefined;
    const generation = known?.generation ?? this.#ledger.generation;
    const id = known?.id ?? this.#nextBackendId++;
    const uses = (known?.uses ?? 0) + (held.has(id) ? 0 : 1);
    this.#backends.set(key, { id, flags, generation, uses });
    this.#backendKeys.set(id, key);
    return id;
  }

  #release(id: number): void {
    const key = this.#backendKeys.get(id);
    const record = key === undefined ? undefined : this.#backends.get(key);
    if (record === undefined) return;
    this.#backends.set(key!, { ...record, uses: record.uses - 1 });
    if (record.uses === 1) this.#released.add(key!);
  }

  #deleteReleased(): void {
    for (const key of this.#released) {
      const record = this.#backends.get(key);
      if (record?.uses === 0) this.#deleteBackend(key, record.id);
    }
    this.#released.clear();
  }

  #deleteBackend(key: string, id: number): void {
    this.#backends.delete(key);
    this.#backendKeys.delete(id);
  }

  #dropPool(name: string): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    for (const backend of new Set(pool.members)) this.#release(backend);
    this.#pools.delete(name);
  }

  /** Complete once everything is planned. */
  writes(): MapWrite[] {
    this.#deleteReleased();
    return inOrder({
      backends: backendWrites(this.#backends),
      slots: this.#slotWrites(),
      source_ranges: recordWrites('source_ranges', this.#ranges),
      frontends: recordWrites('frontends', this.#frontends),
    });
  }

  #slotWrites(): MapWrite[] {
    const writes: MapWrite[] = [];
    for (const { before, after } of this.#pools.changes()) {
      const id = (after ?? before)?.id;
      if (id === undefined) continue;
      this.#writeSlots(writes, id, before?.members ?? this.#adopted.get(id) ?? [], after?.members ?? []);
    }
    for (const { key, before, after } of this.#foundPools.changes()) {
      if (after === undefined && before !== undefined && !this.#adopted.has(key))
        this.#writeSlots(writes, key, before, []);
    }
    return writes;
  }

  #writeSlots(writes: MapWrite[], id: number, before: readonly number[], after: readonly number[]): void {
    this.#slotGrowth += after.length - before.length;
    slotWrites(writes, id, before, after);
  }

  commit(): void {
    for (const overlay of [this.#backends, this.#pools, this.#frontends, this.#ranges]) overlay.commit();
    for (const overlay of [this.#ports, this.#foundPools, this.#backendKeys, this.#services])
      overlay.commit();
    this.#ledger.slotCount += this.#slotGrowth;
    this.#ledger.nextBackendId = this.#nextBackendId;
    this.#ledger.nextPoolId = this.#nextPoolId;
    this.#ledger.nextServiceId = this.#nextServiceId;
    if (this.#swept) this.#ledger.found = { frontends: [], ranges: [], backends: [] };
    this.#ledger.orphansDropped ||= this.#orphansDropped;
  }
}

/** Of a backend, by its key. */
function memberName(key: string): string {
  const { addr, port, proto } = layouts.backend.decode(unpacked(key));
  return `${formatIp(addr)}|${port}/${proto}`;
}
