/** Services in eBPF, at the socket and per packet; the contract is ServiceBackend. */
import { TendrilError } from '../../../util/errors.ts';
import { TimeSlice } from '../../../util/time-slice.ts';
import type { ServiceBackend, ServiceBackendCapabilities } from '../../backend.ts';
import type { ServicePortName } from '../../model/service-port.ts';
import type { ServiceState } from '../../model/service-state.ts';
import { apply } from './apply.ts';
import type { Datapath } from './datapath.ts';
import { DirectReturns } from './direct-returns.ts';
import type { FoundHostPorts } from './host-ports.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import type { Capacity, MapName } from './map-write.ts';
import { plan } from './plan.ts';
import { readLedger } from './read-ledger.ts';

/** What one plan looks at: some 3 ms. */
const endpointsAtOnce = 500;

export interface MapUse {
  /** As mapSizes names it. */
  map: string;
  entries: number;
  size: number;
}

const noOthers = { backends: 0, slots: 0, source_ranges: 0, frontends: 0 };

const capabilities: ServiceBackendCapabilities = {
  socketLoadBalancing: true,
  localhostNodePort: true,
  keepsClientAddress: true,
  sessionAffinity: true,
  sctp: true,
};

export class EbpfServiceBackend implements ServiceBackend {
  readonly name = 'ebpf';
  readonly capabilities = capabilities;
  readonly #datapath: Datapath;
  readonly #others: () => Readonly<Record<MapName, number>>;
  /** Undefined while unknown: at start, and after a failure. */
  #ledger: Ledger | undefined;
  readonly #directReturns = new DirectReturns();
  #attached = false;
  /** Entries written to the maps so far. */
  writes = 0;
  #removed = 0;
  #refusal: TendrilError | undefined;
  /** What is told while a sync is under way. */
  #lastUse: MapUse[] = [];

  /** @param others how many entries of the maps are not this backend's; none unless given */
  constructor(datapath: Datapath, others: () => Readonly<Record<MapName, number>> = () => noOthers) {
    this.#datapath = datapath;
    this.#others = others;
  }

  async probe(): Promise<void> {
    this.#datapath.load();
  }

  /** The node's hooks are attached once the maps hold a whole state: none of its clients meets half of one. */
  async sync(state: ServiceState): Promise<void> {
    this.#datapath.configure(state.nodeAddresses);
    await this.#write(state);
    this.#datapath.closeServiceCidrs(state.serviceCidrs);
    if (!this.#attached) this.#datapath.attachNode();
    this.#attached = true;
    this.#datapath.shortcut.ensure(state.shortcuts);
    this.#directReturns.sync(this.#datapath.map('direct_returns'), state, this.#ledger!);
  }

  async cleanup(): Promise<void> {
    this.#datapath.clear();
    this.#ledger = undefined;
    this.#directReturns.forget();
    this.#attached = false;
  }

  /** Without ClusterIPs as such. */
  frontendCount(): number {
    let count = 0;
    for (const { serviceId, frontends } of this.#ledger?.ports.values() ?? [])
      if (serviceId > 0) count += frontends.length;
    return count;
  }

  backendCount(): number {
    return this.#ledger?.backends.size ?? 0;
  }

  /** Of a Service's number, where a port that was planned has it. */
  serviceName(id: number): ServicePortName | undefined {
    return this.#ledger?.serviceOwners.get(id);
  }

  /** What the last sync left out for want of room; all else is in force. */
  refusal(): TendrilError | undefined {
    return this.#refusal ?? this.#directRefusal();
  }

  #directRefusal(): TendrilError | undefined {
    const refused = [...this.#directReturns.refused].map((name) => [name, 'direct_returns'] as const);
    if (refused.length === 0) return undefined;
    return refusalOf(refused, { direct_returns: this.#datapath.map('direct_returns').maxEntries });
  }

  /** Service ports that are not served whole, by the map that has no room for them. */
  refused(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const map of this.#ledger?.refused.values() ?? []) counts[map] = (counts[map] ?? 0) + 1;
    if (this.#directReturns.refused.size > 0) counts.direct_returns = this.#directReturns.refused.size;
    return counts;
  }

  /** How full the maps are that this backend fills. */
  mapUse(): MapUse[] {
    const ledger = this.#ledger;
    if (ledger === undefined) return this.#lastUse;
    const counts: Record<MapName, number> = {
      frontends: ledger.frontends.size,
      slots: ledger.slotCount,
      backends: ledger.backends.size,
      source_ranges: ledger.ranges.size,
    };
    const names = Object.keys(counts) as MapName[];
    const others = this.#others();
    this.#lastUse = names.map((map) => ({
      map,
      entries: counts[map] + others[map],
      size: this.#datapath.map(map).maxEntries,
    }));
    return this.#lastUse;
  }

  /** How many backends were taken out of the maps since the last call. */
  takeRemoved(): number {
    const removed = this.#removed;
    this.#removed = 0;
    return removed;
  }

  /** What the maps held of host ports when they were read, once. */
  takeFoundHostPorts(): FoundHostPorts {
    const found = this.#ledger?.hostPorts ?? emptyLedger().hostPorts;
    if (this.#ledger) this.#ledger.hostPorts = emptyLedger().hostPorts;
    return found;
  }

  async #write(state: ServiceState): Promise<void> {
    const maps = {
      backends: this.#datapath.map('backends'),
      slots: this.#datapath.map('slots'),
      source_ranges: this.#datapath.map('source_ranges'),
      frontends: this.#datapath.map('frontends'),
    };
    const slice = new TimeSlice();
    const ledger = this.#ledger ?? (await readLedger(maps, this.#datapath.nextEpoch(), slice));
    this.#ledger = undefined;
    for (let more = true; more; ) {
      const next = plan(ledger, state, endpointsAtOnce, this.#capacity());
      this.writes += await apply(maps, next.writes, slice);
      this.#removed += next.writes.filter(({ map, op }) => map === 'backends' && op === 'delete').length;
      next.commit();
      more = next.more;
      await slice.breathe();
    }
    this.#ledger = ledger;
    this.#refusal = refusalOf([...ledger.refused], this.#capacity());
  }

  #capacity(): Capacity {
    const others = this.#others();
    const room = (map: MapName) => this.#datapath.map(map).maxEntries - others[map];
    return {
      backends: room('backends'),
      slots: room('slots'),
      source_ranges: room('source_ranges'),
      frontends: room('frontends'),
    };
  }
}

function refusalOf<Name extends string>(
  refused: readonly (readonly [port: ServicePortName, map: Name])[],
  capacity: Readonly<Record<Name, number>>,
): TendrilError | undefined {
  const [first] = refused;
  if (first === undefined) return undefined;
  const [name, map] = first;
  const others = refused.length > 1 ? ` and ${refused.length - 1} others` : '';
  return new TendrilError(
    'MAP_FULL',
    `the map of ${map} is full with ${capacity[map]} entries: ${name}${others} cannot be served whole`,
    { remedy: `raise mapSizes.${map} in the agent's configuration` },
  );
}
