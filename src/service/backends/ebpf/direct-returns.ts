/**
 * Direct return at the backend's node: which endpoints of this node answer under which frontends, when another node
 * sends them a client (bpf/lib/dsr.h). Few Services ask for it, so the whole map is compared with each state.
 */
import type { BpfMap } from '../../../linux/bpf/bpf.ts';
import { type Ip, parseIp } from '../../../net/ip.ts';
import { protocolNumbers } from '../../../net/protocol.ts';
import type { ServiceFrontend, ServicePortName } from '../../model/service-port.ts';
import type { ServicePortState, ServiceState } from '../../model/service-state.ts';
import { layouts } from './generated/layouts.ts';
import { backendKey, type Ledger, packed, unpacked } from './ledger.ts';

type Entries = ReadonlyMap<string, string>;
type Numbers = Pick<Ledger, 'ports' | 'backends'>;

export class DirectReturns {
  /** What each port wants in the map, by the packed key; ports that want nothing are left out. */
  readonly #wanted = new Map<ServicePortName, Entries>();
  #version = 0;
  /** Undefined while unknown: at start, and after a failure. */
  #present: Map<string, string> | undefined;
  /** Ports for which the last sync had no room; what they had before stays. */
  readonly refused = new Set<ServicePortName>();

  sync(map: BpfMap, state: ServiceState, numbers: Numbers): void {
    this.#plan(state, numbers);
    this.refused.clear();
    const present = this.#present ?? read(map);
    this.#present = undefined;
    // First what goes: a port's number may be another Service's now, and its room is needed.
    const wanted = new Map([...this.#wanted.values()].flatMap((entries) => [...entries]));
    for (const key of [...present.keys()])
      if (!wanted.has(key) && present.delete(key)) map.delete(unpacked(key));
    for (const [name, entries] of this.#wanted) {
      // Two Services may have one frontend: the last one's counts.
      const own = [...entries].filter(([key, value]) => wanted.get(key) === value);
      if (!write(map, present, own)) this.refused.add(name);
    }
    this.#present = present;
  }

  /** The map is gone. */
  forget(): void {
    this.#wanted.clear();
    this.#version = 0;
    this.#present = undefined;
    this.refused.clear();
  }

  #plan(state: ServiceState, numbers: Numbers): void {
    const known = this.#version > 0 && this.#version === state.changes.since;
    const names = known ? state.changes.ports : [...this.#wanted.keys(), ...state.ports.keys()];
    for (const name of names) {
      const port = state.ports.get(name);
      const entries = port?.dsr ? directEntries(port, numbers) : undefined;
      if (entries?.size) this.#wanted.set(name, entries);
      else this.#wanted.delete(name);
    }
    this.#version = state.version;
  }
}

/** By key, both packed. Pure. */
export function directEntries(port: ServicePortState, { ports, backends }: Numbers): Entries {
  const proto = protocolNumbers[port.protocol];
  const serviceId = ports.get(port.name)?.serviceId ?? 0;
  const entries = new Map<string, string>();
  for (const frontend of port.frontends) {
    if (frontend.kind === 'ClusterIP') continue;
    for (const { ip, port: backendPort } of port.endpoints[frontend.ip.family].direct ?? []) {
      const key = layouts.directKey.encode({
        ...{ frontend: addressOf(frontend), frontendPort: frontend.port },
        ...{ backend: ip, backendPort, proto },
      });
      const record = backends.get(backendKey({ addr: ip, port: backendPort, proto, serviceId }));
      entries.set(
        packed(key),
        packed(layouts.direct.encode({ backendId: record?.id ?? 0, generation: record?.generation ?? 0 })),
      );
    }
  }
  return entries;
}

const unspecified = { 4: parseIp('0.0.0.0'), 6: parseIp('::') } as const;

/** Each node's NodePorts are on addresses of its own. */
function addressOf({ kind, ip }: ServiceFrontend): Ip {
  return kind === 'NodePort' ? unspecified[ip.family] : ip;
}

/** False where some had no room. */
function write(map: BpfMap, present: Map<string, string>, entries: readonly [string, string][]): boolean {
  let whole = true;
  for (const [key, value] of entries) {
    if (present.get(key) === value) continue;
    if (!present.has(key) && present.size >= map.maxEntries) {
      whole = false;
      continue;
    }
    map.update(unpacked(key), unpacked(value));
    present.set(key, value);
  }
  return whole;
}

function read(map: BpfMap): Map<string, string> {
  return new Map([...map.entries()].map(([key, value]) => [packed(key), packed(value)]));
}
