/**
 * What the kernel's Service maps hold, as far as this process knows: read back from the maps at start and after
 * a failure, and kept up with every applied plan. Numbers given to backends and pools live here.
 */
import type { ServicePortName } from '../../model/service-port.ts';
import { type Backend, layouts } from './generated/layouts.ts';
import type { MapName } from './map-write.ts';

export interface BackendRecord {
  id: number;
  /** What of its value the key does not say, to see whether it must be written again. */
  flags: number;
  generation: number;
  /** Pools that hold it. */
  uses: number;
}

export interface PoolRecord {
  id: number;
  /** Backend numbers by slot. */
  members: readonly number[];
}

export interface FrontendRecord {
  /** Undefined while nobody claimed what was found in the kernel. */
  owner: ServicePortName | undefined;
  value: string;
}

export interface RangeRecord {
  value: string;
  /** False for what was found in the kernel until a port claims it. */
  claimed: boolean;
}

export interface PortRecord {
  frontends: readonly string[];
  pools: readonly string[];
  /** Keys of its source ranges. */
  ranges: readonly string[];
  serviceId: number;
}

export interface Ledger {
  /** By `backendKey`. */
  backends: Map<string, BackendRecord>;
  backendKeys: Map<number, string>;
  /** By `port name/family/scope`. */
  pools: Map<string, PoolRecord>;
  /** Pools found in the kernel that no port claimed yet, by number. */
  foundPools: Map<number, readonly number[]>;
  /** By encoded key, packed. */
  frontends: Map<string, FrontendRecord>;
  /** Source ranges by encoded key, packed: each is one port's, whose number is in it. */
  ranges: Map<string, RangeRecord>;
  /** And Services' ClusterIPs as such, by the Service's name. */
  ports: Map<ServicePortName, PortRecord>;
  /** Ports with a frontend that another port holds: they are planned again with every state. */
  waiting: Set<ServicePortName>;
  /** Ports for which a map had no room, with its name: planned again with every state, and when room was made. */
  refused: Map<ServicePortName, MapName>;
  /** Entries of the map of slots. */
  slotCount: number;
  /** What of the state `pendingVersion` remains to be planned; removed ports come first. */
  pending: Set<ServicePortName>;
  pendingVersion: number;
  /** Which port has a service number. */
  serviceOwners: Map<number, ServicePortName>;
  /** Backends that no slot names, which a failed sync leaves, were removed: they may be what fills the map. */
  orphansDropped: boolean;
  /** Keys of what was found in the kernel: what no port has claimed of it once all are planned goes. Empty then. */
  found: { frontends: string[]; ranges: string[]; backends: string[] };
  /** What was found in the kernel and is host ports' (host-ports.ts): none of this is in the ledger. */
  hostPorts: { frontends: string[]; numbers: number[] };
  nextBackendId: number;
  /** Of backends that get a number from now on: the process's epoch. Those that are there keep theirs. */
  generation: number;
  nextPoolId: number;
  nextServiceId: number;
}

export function emptyLedger(): Ledger {
  return {
    backends: new Map(),
    backendKeys: new Map(),
    pools: new Map(),
    foundPools: new Map(),
    frontends: new Map(),
    ranges: new Map(),
    ports: new Map(),
    waiting: new Set(),
    refused: new Map(),
    slotCount: 0,
    pending: new Set(),
    pendingVersion: 0,
    serviceOwners: new Map(),
    orphansDropped: false,
    found: { frontends: [], ranges: [], backends: [] },
    hostPorts: { frontends: [], numbers: [] },
    nextBackendId: 1,
    generation: 1,
    nextPoolId: 1,
    nextServiceId: 1,
  };
}

/** Of an endpoint as one Service's port has it: packed, its value without flags and generation. */
export function backendKey(backend: Pick<Backend, 'addr' | 'port' | 'proto' | 'serviceId'>): string {
  const { addr, port, proto, serviceId } = backend;
  return packed(layouts.backend.encode({ addr, port, proto, serviceId }));
}

/** The value that the map has for a backend. */
export function backendValue(key: string, { flags, generation }: BackendRecord): Uint8Array {
  const value = layouts.backend.encode({ flags, generation });
  for (let i = 0; i < key.length; i++) value[i]! |= key.charCodeAt(i);
  return value;
}

/** Bytes as the characters of a text: what a Map can have for a key, in as little memory as bytes can be. */
export function packed(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes that `packed` made a text of. */
export function unpacked(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
